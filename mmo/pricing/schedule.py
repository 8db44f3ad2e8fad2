"""Schedules: how a fee grows with the amount. Exact on whole numbers; rounded by whoever asks."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from re import ASCII
from re import compile as pattern_of
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from mmo.dated.documents import Amount, Part, wrong

PARTS = 1_000_000
"""Rates are whole millionths, and an exact fee is so many millionths of a minor unit."""
BANDS_MAX = 10_000
FREE_MAX = 10_000
_RATE = pattern_of(r"([01])(?:\.([0-9]{1,6}))?", ASCII)


def _millionths(written: object) -> int:
    match = _RATE.fullmatch(written) if isinstance(written, str) else None
    if match is None or (parts := int(match[1] + (match[2] or "").ljust(6, "0"))) > PARTS:
        told = 'a rate is a part of one as text, with 6 decimals at most: "0.20" is 20 %'
        raise wrong("rate", told)
    return parts


_RATE_SCHEMA = {"type": "string", "pattern": r"^[01](\.[0-9]{1,6})?$"}
Rate = Annotated[int, BeforeValidator(_millionths), WithJsonSchema(_RATE_SCHEMA)]
"""Millionths, 0 to 1,000,000; on the wire a decimal."""


class Growing(Part):
    """A schedule that depends on the amount alone."""

    @property
    def edges(self) -> tuple[int, ...]:
        """Amounts at which the fee may fall; between two of them it never does."""
        return ()

    def exact(self, amount: int) -> int:
        """The fee for an amount of minor units, in millionths of a minor unit."""
        raise AssertionError(f"{type(self).__name__} has no formula for {amount}")


class Clamped(Growing):
    """A fee with a least and a most."""

    floor: Amount | None = None
    cap: Amount | None = None

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.floor is not None and self.cap is not None and self.cap < self.floor:
            raise wrong("cap", "the cap is lower than the floor", "/cap")
        return self

    def clamped(self, exact: int) -> int:
        """The fee within its bounds, in millionths."""
        if self.floor is not None:
            exact = max(exact, self.floor * PARTS)
        return exact if self.cap is None else min(exact, self.cap * PARTS)


class AmountBand(Part):
    """A fee for all amounts from one on, up to the next band."""

    start: Amount = Field(alias="from")
    amount: Amount


class RateBand(Part):
    """A rate for all amounts from one on, up to the next band or tier."""

    start: Amount = Field(alias="from")
    rate: Rate


Band = TypeVar("Band", AmountBand, RateBand)


def _ascending(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    """Half-open bands from 0 on: each ends where the next begins, and none begins twice."""
    if bands[0].start:
        raise wrong("bands", "the first one begins at 0, so that every amount has a price",
                    "/0/from")  # fmt: skip
    for index, (lower, upper) in enumerate(pairwise(bands), 1):
        if upper.start <= lower.start:
            raise wrong("bands", "each one begins above the one before it", f"/{index}/from")
    return bands


def _at(bands: Sequence[Band], amount: int) -> int:
    return bisect_right(bands, amount, key=attrgetter("start")) - 1


AmountBands = Annotated[
    tuple[AmountBand, ...], Field(min_length=1, max_length=BANDS_MAX), AfterValidator(_ascending)
]
RateBands = Annotated[
    tuple[RateBand, ...], Field(min_length=1, max_length=BANDS_MAX), AfterValidator(_ascending)
]


class Flat(Growing):
    """The same for every amount."""

    kind: Literal["flat"]
    amount: Amount

    def exact(self, amount: int) -> int:  # noqa: ARG002
        return self.amount * PARTS


class Percentage(Clamped):
    """A part of the amount."""

    rate: Rate

    def exact(self, amount: int) -> int:
        return self.clamped(amount * self.rate)


class Percent(Percentage):
    """A part of the amount, as a schedule."""

    kind: Literal["percent"]


class BandedFlat(Growing):
    """A fee for each band of amounts."""

    kind: Literal["banded_flat"]
    bands: AmountBands

    def exact(self, amount: int) -> int:
        return self.bands[_at(self.bands, amount)].amount * PARTS

    @property
    def edges(self) -> tuple[int, ...]:
        return tuple(band.start for band in self.bands)


class BandedPercent(Clamped):
    """A rate for each band of amounts, on the whole amount."""

    kind: Literal["banded_percent"]
    bands: RateBands

    def exact(self, amount: int) -> int:
        return self.clamped(amount * self.bands[_at(self.bands, amount)].rate)

    @property
    def edges(self) -> tuple[int, ...]:
        return tuple(band.start for band in self.bands)


class TieredMarginal(Growing):
    """A rate for each tier, on what of the amount lies within it."""

    kind: Literal["tiered_marginal"]
    tiers: RateBands

    def exact(self, amount: int) -> int:
        index = _at(self.tiers, amount)
        tier = self.tiers[index]
        return self._below[index] + (amount - tier.start) * tier.rate

    @cached_property
    def _below(self) -> tuple[int, ...]:
        """What the tiers below each one come to, in millionths."""
        sums = [0]
        for lower, upper in pairwise(self.tiers):
            sums.append(sums[-1] + (upper.start - lower.start) * lower.rate)
        return tuple(sums)


Paid: TypeAlias = Annotated[
    Flat | Percent | BandedFlat | BandedPercent | TieredMarginal, Field(discriminator="kind")
]


class Free(Part):
    """The first so many in a period cost nothing; then another schedule holds."""

    kind: Literal["free"]
    count: int = Field(strict=True, ge=1, le=FREE_MAX)
    per: Literal["day", "week", "month"]
    then: Paid


Schedule: TypeAlias = Annotated[
    Flat | Percent | BandedFlat | BandedPercent | TieredMarginal | Free,
    Field(discriminator="kind"),
]


def paid(schedule: Schedule) -> Paid:
    """What holds once nothing is free any more."""
    return schedule.then if isinstance(schedule, Free) else schedule
