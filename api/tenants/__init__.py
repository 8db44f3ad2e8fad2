"""Tenants, their groups, and what is read over all of them."""
