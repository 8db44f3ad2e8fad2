"""Measurements of the whole, each against its yardstick in the same run."""
