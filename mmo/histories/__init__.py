"""Workflow histories, kept for ever and replayable."""
