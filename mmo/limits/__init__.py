"""Limits: how much a wallet may move and hold, by the tier of its owner."""
