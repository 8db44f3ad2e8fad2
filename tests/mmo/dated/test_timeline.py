"""Versions follow one another without a gap and without two at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.dated.timeline import TOLERANCE, Period, Place, TermError, placed, retired

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def period(number: int, since: float, until: float | None = None) -> Period:
    """Days from now."""
    return Period(number=number, since=day(since), until=None if until is None else day(until))


def day(days: float | None) -> datetime:
    return NOW + (days or 0) * DAY


def test_the_first_version_begins_now_unless_it_says_when() -> None:
    assert placed([], None, None, now=NOW) == Place(since=NOW, until=None)
    assert placed([], day(1), day(2), now=NOW) == Place(since=day(1), until=day(2))


def test_the_next_version_ends_the_one_before_where_it_begins() -> None:
    assert placed([period(1, -3)], day(1), None, now=NOW) == Place(since=day(1), until=None, ends=1)
    assert placed([period(1, -3)], None, None, now=NOW) == Place(since=NOW, until=None, ends=1)


def test_a_version_that_says_when_it_ends_is_followed_there() -> None:
    found = placed([period(1, -3, 1)], day(1), None, now=NOW)

    assert found == Place(since=day(1), until=None)


def test_a_version_that_has_not_begun_gives_way_to_one_of_the_same_moment() -> None:
    found = placed([period(1, -3, 1), period(2, 1)], day(1), day(4), now=NOW)

    assert found == Place(since=day(1), until=day(4), withdrawn=(2,))


REFUSED: dict[str, tuple[list[Period], float | None, float | None, str]] = {
    "in the middle of one that says its end": ([period(1, -3, 2)], 1, None, "version_overlaps"),
    "now, while one says a later end": ([period(1, -3, 2)], None, None, "version_overlaps"),
    "before one that is to come": ([period(1, -3, 2), period(2, 2)], 1, None, "version_overlaps"),
    "after a gap": ([period(1, -3, 2)], 3, None, "version_gap"),
    "after one that has ended": ([period(1, -3, -1)], None, None, "version_gap"),
    "in the past": ([], -1, None, "term_invalid"),
    "in the past of another": ([period(1, -3)], -1, None, "term_invalid"),
    "ending before it begins": ([], 2, 1, "term_invalid"),
    "ending as it begins": ([], 2, 2, "term_invalid"),
    "ending before now": ([], None, -1, "term_invalid"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_version_cannot_begin(what: str) -> None:
    approved, since, until, code = REFUSED[what]
    begins = None if since is None else day(since)
    ends = None if until is None else day(until)

    with pytest.raises(TermError) as refused:
        placed(approved, begins, ends, now=NOW)

    assert (refused.value.code, bool(refused.value.detail)) == (code, True)


def test_a_version_that_is_approved_a_little_late_begins_then() -> None:
    assert placed([], NOW - TOLERANCE, None, now=NOW).since == NOW
    with pytest.raises(TermError):
        placed([], NOW - TOLERANCE - SECOND, None, now=NOW)


def test_a_new_definition_begins_where_the_former_of_its_key_ends() -> None:
    assert placed([], day(1), None, now=NOW, free_from=day(1)).since == day(1)
    with pytest.raises(TermError) as refused:
        placed([], day(1) - SECOND, None, now=NOW, free_from=day(1))
    assert refused.value.code == "version_overlaps"


def test_retiring_ends_what_is_in_force_and_withdraws_what_is_to_come() -> None:
    approved = [period(1, -3, -2), period(2, -2, 1), period(3, 1)]

    assert retired(approved, None, now=NOW) == Place(since=NOW, until=None, ends=2, withdrawn=(3,))
    assert retired(approved, day(2), now=NOW) == Place(since=day(2), until=None, ends=3)
    assert retired([], None, now=NOW) == Place(since=NOW, until=None)
    assert retired([period(1, -3, -1)], None, now=NOW) == Place(since=NOW, until=None)


moves = st.lists(
    st.tuples(
        st.floats(0, 3, allow_nan=False).map(lambda days: timedelta(days=round(days, 2))),
        st.none() | st.integers(-2, 12).map(lambda n: timedelta(days=n)),
        st.none() | st.integers(1, 6).map(lambda n: timedelta(days=n)),
        st.sampled_from(["as asked", "where the last ends", "as the last begins"]),
    ),
    max_size=12,
)


@given(moves)
def test_whatever_is_tried_every_moment_has_one_version_and_none_is_left_out(
    tried: list[tuple[timedelta, timedelta | None, timedelta | None, str]],
) -> None:
    now, approved = NOW, list[Period]()
    for number, (passed, after, lasts, how) in enumerate(tried, 1):
        now += passed
        since = None if after is None else now + after
        if approved and how == "where the last ends":
            since = approved[-1].until
        if approved and how == "as the last begins":
            since = approved[-1].since
        until = None if lasts is None else (since or now) + lasts
        before = [one for one in approved if one.since <= now]
        try:
            place = placed(approved, since, until, now=now)
        except TermError:
            continue
        ended = [replace(one, until=place.since) if one.number == place.ends else one
                 for one in approved if one.number not in place.withdrawn]  # fmt: skip
        approved = [*ended, Period(number=number, since=place.since, until=place.until)]

        assert place.since >= now
        assert [one.number for one in before] == [one.number for one in approved[: len(before)]]
        for lower, upper in pairwise(approved):
            assert lower.since < upper.since
            assert lower.until == upper.since
