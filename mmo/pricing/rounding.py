"""Rounding: from millionths of a minor unit to minor units, once for each symbol."""

from typing import Literal, TypeAlias

from mmo.pricing.schedule import PARTS

Rounding: TypeAlias = Literal["half_even", "half_up", "up", "down"]


def rounded(exact: int, how: Rounding) -> int:
    """Minor units of so many millionths of them, 0 or more."""
    whole, rest = divmod(exact, PARTS)
    match how:
        case "down":
            return whole
        case "up":
            return whole + (rest > 0)
        case "half_up":
            return whole + (2 * rest >= PARTS)
        case "half_even":
            return whole + (2 * rest > PARTS or (2 * rest == PARTS and whole % 2 == 1))
