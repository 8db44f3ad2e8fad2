"""Money: a whole number of minor units in one currency. Never a float."""

import re
from dataclasses import dataclass
from functools import cache

from iso4217 import Currency

LARGEST_MINOR = 10**15
"""No amount on the wire is larger: sums of a million of them still fit the ledger's 64 bits."""

_VALUE = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,4}))?", re.ASCII)


class AmountError(ValueError):
    """What was written is no amount of that currency."""


@cache
def digits_of(currency: str) -> int:
    """How many decimal digits the currency has (ISO 4217). Raises AmountError when unknown."""
    try:
        exponent = Currency(currency).exponent
    except ValueError:
        exponent = None
    if exponent is None:
        raise AmountError("unknown currency")
    return exponent


@dataclass(frozen=True, slots=True)
class Money:
    """An amount; `minor` counts the currency's smallest units."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, value: str, currency: str) -> "Money":
        """Read a plain decimal such as "1000.00". Raises AmountError."""
        digits = digits_of(currency)
        match = _VALUE.fullmatch(value)
        if match is None:
            raise AmountError("an amount is written in plain decimal digits, such as 1000.00")
        whole, fraction = match[1], match[2] or ""
        if len(fraction) > digits:
            raise AmountError(f"{currency} has {digits} decimal digits")
        minor = int(whole + fraction.ljust(digits, "0"))
        if minor > LARGEST_MINOR:
            raise AmountError("the amount is too large")
        return cls(minor, currency)

    @property
    def value(self) -> str:
        """The amount in the currency's own digits, such as "1000.00"."""
        digits = digits_of(self.currency)
        sign, padded = "-" * (self.minor < 0), str(abs(self.minor)).rjust(digits + 1, "0")
        return f"{sign}{padded[:-digits]}.{padded[-digits:]}" if digits else f"{sign}{padded}"

    def __str__(self) -> str:
        whole, point, fraction = self.value.partition(".")
        return f"{self.currency} {int(whole):,}{point}{fraction}"
