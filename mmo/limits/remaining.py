"""What is used and left of a wallet's limits. Pure: the counters were read from the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from mmo.limits.counting import bucket_of, period_of
from mmo.limits.profile import Cap, Limit, Profile, Window

Counter = tuple[int, date]
"""The number of a counter, and the first day of its window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """One cap, of an amount (minor units) or of a number of movements."""

    limit: Limit
    window: Window
    since: date
    """The first day of the window, by the tenant's own clock."""
    cap: Cap
    amount: int
    """Used, in minor units."""
    n: int
    """Used, in movements."""

    @property
    def amount_left(self) -> int | None:
        """Minor units; None where the amount is not capped."""
        return None if self.cap.value is None else max(0, self.cap.value - self.amount)

    @property
    def n_left(self) -> int | None:
        """None where the number is not capped."""
        return None if self.cap.count is None else max(0, self.cap.count - self.n)


def counters(profile: Profile, today: date, numbers: Mapping[str, int]) -> list[Counter]:
    """The counters of all caps, in the order of `remaining`. `numbers`: movement → number."""
    return [
        (_bucket(limit, window, numbers), period_of(window, today))
        for limit in profile.limits
        for window in limit.caps
    ]


def remaining(
    profile: Profile, today: date, numbers: Mapping[str, int],
    used: Mapping[Counter, tuple[int, int]],
) -> Iterator[Remaining]:  # fmt: skip
    """Each cap with what is used of it. `used`: counter → amount and number; missing: nothing."""
    for limit in profile.limits:
        for window, cap in limit.caps.items():
            since = period_of(window, today)
            amount, n = used.get((_bucket(limit, window, numbers), since), (0, 0))
            yield Remaining(limit=limit, window=window, since=since, cap=cap, amount=amount, n=n)


def _bucket(limit: Limit, window: Window, numbers: Mapping[str, int]) -> int:
    number = numbers[limit.movement] if limit.movement else 0
    return bucket_of(number, limit.channel, limit.direction, window)
