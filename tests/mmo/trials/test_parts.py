"""Parts of a span: every movement is in one of them, and in no other."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.kernel.identifiers import mint
from mmo.trials.parts import PARTS_MAX, beginning, part, parts_of

SINCE = datetime(2026, 11, 24, tzinfo=UTC)


@given(span_s=st.integers(1, 92 * 86_400), parts=st.integers(1, PARTS_MAX))
def test_parts_meet_without_a_gap(span_s: int, parts: int) -> None:
    until = SINCE + timedelta(seconds=span_s)
    ends = [part(SINCE, until, parts, number) for number in range(parts)]

    assert ends[0][0] == beginning(SINCE)
    assert ends[-1][1] == beginning(until)
    assert all(ends[number][1] == ends[number + 1][0] for number in range(parts - 1))


def test_a_movement_of_now_lies_between_the_moments_around_it() -> None:
    before = datetime.now(UTC)
    movement = mint()

    assert beginning(before) <= movement < beginning(before + timedelta(seconds=5))


@pytest.mark.parametrize(
    ("span", "parts"),
    [
        (timedelta(seconds=1), 1),
        (timedelta(minutes=5), 5),
        (timedelta(days=92), PARTS_MAX),
    ],
)
def test_a_short_span_is_cut_into_few_parts(span: timedelta, parts: int) -> None:
    assert parts_of(SINCE, SINCE + span) == parts
