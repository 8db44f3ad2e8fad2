"""The authorization server: log-in, tokens and public keys of every tenant."""
