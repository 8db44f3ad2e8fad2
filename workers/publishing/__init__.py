"""The published files, made from the code."""
