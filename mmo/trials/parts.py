"""A span of time as movements' ids see it, cut into parts that are read side by side. Pure."""

from datetime import datetime, timedelta
from uuid import UUID

SPAN_MAX = timedelta(days=92)
PARTS_MAX = 16
_PART_MIN = timedelta(minutes=1)


def beginning(moment: datetime) -> UUID:
    """The lowest id that a movement of that moment, or of a later one, may have."""
    return UUID(int=_milliseconds(moment) << 80)


def parts_of(since: datetime, until: datetime) -> int:
    """Into how many parts a span is cut."""
    return max(1, min(PARTS_MAX, (until - since) // _PART_MIN))


def part(since: datetime, until: datetime, parts: int, number: int) -> tuple[UUID, UUID]:
    """The ids of one part, from the first, included, to the next part's first."""
    first, last = _milliseconds(since), _milliseconds(until)
    ends = [first + (last - first) * index // parts for index in (number, number + 1)]
    return UUID(int=ends[0] << 80), UUID(int=ends[1] << 80)


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, moment.tzinfo)) // timedelta(milliseconds=1)
