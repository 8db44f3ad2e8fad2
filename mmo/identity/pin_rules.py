"""Which PINs are too easy to guess. Pure."""

import re

PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
"""Four to eight ASCII digits."""
_DIGITS = "01234567890123456789"
_COMMON = frozenset({
    "1004", "1010", "1122", "1212", "1313", "2000", "2001", "2020", "2580", "0852", "6969", "4321",
    "1342", "7410", "0007", "1112",
})  # fmt: skip


def is_pin(written: str) -> bool:
    """Whether it has the shape of a PIN."""
    return PIN.fullmatch(written) is not None


def is_weak(pin: str, msisdn: str) -> bool:
    """Whether it is one of those that people choose, or that the telephone number tells."""
    one_digit = len(set(pin)) == 1
    in_a_row = pin in _DIGITS or pin[::-1] in _DIGITS
    pair_again = len(pin) % 2 == 0 and pin == pin[:2] * (len(pin) // 2)
    year = len(pin) == 4 and pin[:2] in {"19", "20"}  # noqa: PLR2004
    return one_digit or in_a_row or pair_again or year or pin in _COMMON or msisdn.endswith(pin)
