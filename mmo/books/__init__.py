"""Books: the day, its trial balances, what is derived from it, and the proof of the trust."""
