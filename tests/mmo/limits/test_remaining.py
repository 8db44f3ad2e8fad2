"""What is left of a limit: exactly what the next movement may still take."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mmo.limits.counting import counted
from mmo.limits.profile import read
from mmo.limits.remaining import counters, remaining

TODAY, NUMBERS = date(2026, 3, 4), {"p2p-transfer": 6, "cash-out": 5}
PROFILE = read(
    {
        "currency": "KES",
        "limits": [
            {"direction": "out", "daily": {"value": "10.00", "count": 3}},
            {"direction": "out", "movement": "cash-out", "monthly": {"value": "50.00"}},
        ],
    }
)


def left(used: dict[Any, tuple[int, int]]) -> list[tuple[str, int | None, int | None]]:
    found = remaining(PROFILE, TODAY, NUMBERS, used)
    return [(one.window, one.amount_left, one.n_left) for one in found]


def test_nothing_used_leaves_the_whole_cap() -> None:
    assert left({}) == [("daily", 1_000, 3), ("monthly", 5_000, None)]


@given(st.lists(st.integers(1, 600), max_size=6))
def test_what_movements_counted_is_what_is_missing(amounts: list[int]) -> None:
    used: dict[Any, tuple[int, int]] = {}
    for minor in amounts:
        for row in counted(PROFILE, "out", "cash-out", None, minor, TODAY, NUMBERS):
            amount, n = used.get((row.bucket, row.period), (0, 0))
            used[row.bucket, row.period] = (amount + row.amount, n + row.n)

    daily, monthly = left(used)

    assert daily[1:] == (max(0, 1_000 - sum(amounts)), max(0, 3 - len(amounts)))
    assert monthly[1] == max(0, 5_000 - sum(amounts))
    assert set(used) <= set(counters(PROFILE, TODAY, NUMBERS))
