"""Workflow histories: written by hand as stories, or recorded, and replayed in the sandbox."""
