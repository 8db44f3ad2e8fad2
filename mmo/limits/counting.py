"""What a movement counts for in its wallets' limits. Pure: the ledger keeps the counters.

A counter is known by a small number, made of movement, channel, direction and window; the number
of a movement never changes, so neither does what was counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

from mmo.limits.profile import Cap, Channel, Direction, Limit, Profile, Window

WINDOWS: tuple[Window, ...] = get_args(Window)
_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_CHANNELS: tuple[Channel | None, ...] = (None, *get_args(Channel))
BALANCE = -1
"""The number that stands for what the account holds afterwards; nothing is counted under it."""
BELOW, ABOVE = "less_than_transaction_min_value", "greater_than_transaction_max_value"
TOO_MUCH = "max_balance_exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One counter that the movement moves, and the cap that it must stay within."""

    bucket: int
    period: date
    amount: int
    """Minor units."""
    n: int
    cap_amount: int | None
    cap_n: int | None
    refusal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """The amount is outside the bounds of a single movement, in minor units."""

    refusal: str
    bound: int


def bucket_of(number: int, channel: str | None, direction: Direction, window: Window) -> int:
    """The number of a counter. `number`: the movement's; 0: of all movements."""
    scope = number * len(_CHANNELS) + _CHANNELS.index(channel)  # pyright: ignore[reportArgumentType]
    return (scope * len(_DIRECTIONS) + _DIRECTIONS.index(direction)) * len(WINDOWS) + WINDOWS.index(
        window
    )


def period_of(window: Window, today: date) -> date:
    """The first day of the window: a week begins on Monday. `today`: by the tenant's own clock."""
    match window:
        case "daily":
            return today
        case "weekly":
            return today - timedelta(days=today.weekday())
        case "monthly":
            return today.replace(day=1)


def beyond(
    profile: Profile, direction: Direction, movement: str, channel: str | None, amount: int
) -> Beyond | None:
    """The bound of a single movement that the amount (minor units) is outside of."""
    for limit in _concerned(profile, direction, movement, channel):
        if limit.min is not None and amount < limit.min:
            return Beyond(refusal=BELOW, bound=limit.min)
        if limit.max is not None and amount > limit.max:
            return Beyond(refusal=ABOVE, bound=limit.max)
    return None


def counted(
    profile: Profile, direction: Direction, movement: str, channel: str | None, amount: int,
    today: date, numbers: Mapping[str, int],
) -> Iterator[Counted]:  # fmt: skip
    """The counters that a movement of so much (minor units) moves. `numbers`: movement → number."""
    for limit in _concerned(profile, direction, movement, channel):
        for window, cap in limit.caps.items():
            number = numbers[limit.movement] if limit.movement else 0
            yield from _rows(
                bucket_of(number, limit.channel, direction, window), window, cap, amount, today
            )
    if direction == "in" and profile.balance is not None:
        yield Counted(
            bucket=BALANCE, period=today, amount=0, n=0, cap_amount=profile.balance, cap_n=None,
            refusal=TOO_MUCH,
        )  # fmt: skip


def _concerned(
    profile: Profile, direction: Direction, movement: str, channel: str | None
) -> Iterator[Limit]:
    return (one for one in profile.limits if one.concerns(direction, movement, channel))


def _rows(bucket: int, window: Window, cap: Cap, amount: int, today: date) -> Iterator[Counted]:
    """A row for each cap, since each refuses by its own name; the first of them counts."""
    period, first = period_of(window, today), True
    for kind, most in (("value", cap.value), ("volume", cap.count)):
        if most is None:
            continue
        yield Counted(
            bucket=bucket, period=period, amount=amount if first else 0, n=1 if first else 0,
            cap_amount=most if kind == "value" else None,
            cap_n=most if kind == "volume" else None,
            refusal=f"{window}_{kind}_limit_exceeded",
        )  # fmt: skip
        first = False
