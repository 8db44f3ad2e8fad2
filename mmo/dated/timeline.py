"""The timeline of a definition: where a version may begin, and what that does to those before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

TOLERANCE = timedelta(seconds=60)
"""So late may a version be approved after the moment that it names; it begins then."""


class TermError(Exception):
    """The version does not fit. `code`: a published problem's; `detail`: a sentence."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """When an approved version holds: from one moment, included, to another, not included."""

    number: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a version goes in the timeline."""

    since: datetime
    until: datetime | None
    ends: int | None = None
    """The version that ends where this one begins."""
    withdrawn: tuple[int, ...] = ()
    """Versions that had not begun, and never will."""


def placed(
    approved: Sequence[Period], since: datetime | None, until: datetime | None, *,
    now: datetime, free_from: datetime | None = None,
) -> Place:  # fmt: skip
    """Place the next version; without `since` it begins now. Raises TermError.

    It ends the one before, which must not have said otherwise: a gap (`version_gap`) and an
    overlap (`version_overlaps`) are refused, and so is the past (`term_invalid`). One that begins
    exactly where a version would that has not begun takes its place. `free_from`: when the former
    definition of the same key ends.
    """
    begins = _begins(since, now)
    if until is not None and until <= begins:
        raise TermError("term_invalid", "it would end before it begins")
    if free_from is not None and begins < free_from:
        raise TermError("version_overlaps", f"the former one holds until {_told(free_from)}")
    order = sorted(approved, key=lambda one: one.since)
    withdrawn: tuple[int, ...] = ()
    if order and order[-1].since == begins and begins > now:
        withdrawn = (order.pop().number,)
    if not order:
        return Place(since=begins, until=until, withdrawn=withdrawn)
    last = order[-1]
    if begins <= last.since:
        raise TermError("version_overlaps", f"version {last.number} begins {_told(last.since)}")
    if last.until is not None and begins != last.until:
        code = "version_overlaps" if begins < last.until else "version_gap"
        told = f"version {last.number} ends {_told(last.until)}; begin there, or retire it"
        raise TermError(code, told)
    ends = last.number if last.until is None else None
    return Place(since=begins, until=until, ends=ends, withdrawn=withdrawn)


def retired(approved: Sequence[Period], since: datetime | None, *, now: datetime) -> Place:
    """End a definition, by default now: what has not begun by then never will. Raises TermError."""
    begins = _begins(since, now)
    current = next((one for one in approved if one.since < begins and _holds_at(one, begins)), None)
    return Place(
        since=begins,
        until=None,
        ends=current.number if current else None,
        withdrawn=tuple(one.number for one in approved if one.since >= begins),
    )


def _holds_at(period: Period, moment: datetime) -> bool:
    return period.until is None or moment < period.until


def _begins(since: datetime | None, now: datetime) -> datetime:
    if since is None:
        return now
    if since < now - TOLERANCE:
        raise TermError("term_invalid", "it would begin in the past")
    return max(since, now)


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
