"""What the read models share: the projector, its position, and the rebuild."""
