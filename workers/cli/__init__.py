"""The mmo command line."""
