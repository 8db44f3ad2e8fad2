"""Real servers for tests, started once per run."""
