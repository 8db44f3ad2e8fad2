"""The demo tenant: its people, their tokens, its seed, and the walk of a shilling."""
