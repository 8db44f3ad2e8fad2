"""Tenants: isolated operators on one platform."""
