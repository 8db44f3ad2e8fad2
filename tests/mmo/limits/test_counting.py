"""What a movement counts for: the right counters, in the right windows, under the right names."""

from datetime import date, timedelta
from itertools import product
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from mmo.limits.counting import BALANCE, WINDOWS, Counted, beyond, bucket_of, counted, period_of
from mmo.limits.profile import Channel, Profile, read

NUMBERS = {"p2p-transfer": 6, "cash-out": 5}
FRIDAY = date(2026, 11, 27)


def profile(*limits: dict[str, Any], **more: Any) -> Profile:
    return read({"currency": "KES", "limits": list(limits), **more})


def rows(found: Profile, amount: int = 100, **about: Any) -> list[Counted]:
    asked = {"direction": "out", "movement": "p2p-transfer", "channel": None} | about
    return list(
        counted(found, asked["direction"], asked["movement"], asked["channel"], amount, FRIDAY,
                NUMBERS)
    )  # fmt: skip


def test_no_two_counters_have_one_number() -> None:
    every = product(range(200), (None, *get_args(Channel)), ("out", "in"), WINDOWS)

    numbers = [bucket_of(number, channel, direction, window)
               for number, channel, direction, window in every]  # fmt: skip

    assert len(set(numbers)) == len(numbers)
    assert min(numbers) >= 0
    assert max(numbers) < 10_000  # from where on free uses are counted


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_windows_begin_with_the_day_the_monday_and_the_first(today: date) -> None:
    day, week, month = (period_of(window, today) for window in WINDOWS)

    assert day == today
    assert week.weekday() == 0
    assert timedelta(0) <= today - week < timedelta(7)
    assert (month.day, month.month, month.year) == (1, today.month, today.year)


def test_value_and_volume_share_a_counter_and_refuse_by_names_of_their_own() -> None:
    value, volume = rows(profile({"direction": "out", "daily": {"value": "5.00", "count": 3}}))

    assert (value.bucket, value.period) == (volume.bucket, volume.period)
    assert (value.amount, value.n, volume.amount, volume.n) == (100, 1, 0, 0)
    assert (value.cap_amount, value.cap_n, value.refusal) == (
        500, None, "daily_value_limit_exceeded")  # fmt: skip
    assert (volume.cap_amount, volume.cap_n, volume.refusal) == (
        None, 3, "daily_volume_limit_exceeded")  # fmt: skip


def test_a_movement_counts_in_its_own_limits_and_in_those_of_all() -> None:
    limits = profile(
        {"direction": "out", "daily": {"count": 10}},
        {"direction": "out", "movement": "p2p-transfer", "weekly": {"count": 5}},
        {"direction": "out", "movement": "cash-out", "weekly": {"count": 2}},
        {"direction": "in", "daily": {"count": 1}},
        {"direction": "out", "channel": "ussd", "monthly": {"value": "1.00"}},
    )

    assert [row.refusal for row in rows(limits)] == [
        "daily_volume_limit_exceeded", "weekly_volume_limit_exceeded"]  # fmt: skip
    assert [row.refusal for row in rows(limits, channel="ussd")][2:] == [
        "monthly_value_limit_exceeded"]  # fmt: skip


def test_what_a_wallet_may_hold_is_looked_at_where_money_arrives_and_counts_nothing() -> None:
    limits = profile(balance="10.00")

    (row,) = rows(limits, direction="in")
    assert (row.bucket, row.amount, row.n, row.cap_amount) == (BALANCE, 0, 0, 1_000)
    assert rows(limits, direction="out") == []


def test_a_single_movement_has_bounds_that_it_may_reach() -> None:
    limits = profile({"direction": "out", "min": "1.00", "max": "5.00"})

    def code(amount: int) -> str | None:
        found = beyond(limits, "out", "p2p-transfer", None, amount)
        return found and found.refusal

    assert [code(amount) for amount in (99, 100, 500, 501)] == [
        "less_than_transaction_min_value", None, None, "greater_than_transaction_max_value",
    ]  # fmt: skip
