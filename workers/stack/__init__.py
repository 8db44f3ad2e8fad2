"""The supervisor behind mmo up."""
