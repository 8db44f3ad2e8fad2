"""Prices: schedules of fees, tariffs, and one pure function that prices a movement."""
