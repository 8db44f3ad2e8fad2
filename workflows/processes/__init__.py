"""Processes that move no money: one workflow in each module."""
