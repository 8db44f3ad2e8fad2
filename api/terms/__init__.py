"""Dated terms: tariffs, limit profiles and suspensions, each set by one and approved by another."""
