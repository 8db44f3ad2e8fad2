"""Money as the day's people reckon it: whole minor units, rounded half to even."""

from fractions import Fraction

CURRENCY = "KES"
SHILLING = 100
"""Minor units."""


def amount(minor: int) -> dict[str, str]:
    """An amount as the API takes it."""
    return {"value": value(minor), "currency": CURRENCY}


def value(minor: int) -> str:
    whole, cents = divmod(abs(minor), SHILLING)
    return f"{'-' if minor < 0 else ''}{whole}.{cents:02}"


def minor(written: str) -> int:
    """Minor units of an amount as the API writes it."""
    whole, _, cents = written.removeprefix("-").partition(".")
    found = int(whole) * SHILLING + int(cents.ljust(2, "0"))
    return -found if written.startswith("-") else found


def nearest(exact: Fraction) -> int:
    """The nearest whole number; of two that are equally near, the even one."""
    return round(exact)
