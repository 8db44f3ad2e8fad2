"""Solving: the largest amount that arrives when so much leaves the sender in all."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

Total = Callable[[int], int]
"""Amount that arrives → what leaves the sender for it, fees and taxes included."""


def largest(total: Total, edges: Sequence[int], most: int) -> int:
    """The largest amount whose total is at most `most`; 0 where there is none. Minor units.

    A total never falls within a band, so each band is searched by halves, from the highest one
    down. It may fall from one band to the next: then more than one amount may cost the same, and
    the largest arrives; and it may jump: then what lies below the jump stays with the sender.
    """
    starts = sorted({1, *(edge for edge in edges if edge > 1)})
    above = most + 1
    for start in reversed(starts[: bisect_right(starts, most)]):
        if total(start) <= most:
            return _last(total, start, above, most)
        above = start
    return 0


def _last(total: Total, fits: int, above: int, most: int) -> int:
    """The last amount that fits, of those from one that does up to `above`, which is not asked."""
    while above - fits > 1:
        middle = (fits + above) // 2
        if total(middle) <= most:
            fits = middle
        else:
            above = middle
    return fits
