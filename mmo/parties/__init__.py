"""Parties: who the operator knows, how well, and who stands above whom."""
