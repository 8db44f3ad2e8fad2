"""Audit: who did what, for ever, and the seals that show whether it was changed."""
