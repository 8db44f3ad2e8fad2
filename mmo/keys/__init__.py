"""Keys that sign, and the strict verification of what they signed."""
