"""Wallets: opened and changed here, read here, what they may and what they did."""
