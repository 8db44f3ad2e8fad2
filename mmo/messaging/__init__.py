"""The event store of every aggregate, its commit-ordered feed, and the broker."""
