"""Wallets: what a party keeps e-money in."""
