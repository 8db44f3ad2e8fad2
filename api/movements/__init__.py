"""Movements: asked for, quoted, answered, taken back and read."""
