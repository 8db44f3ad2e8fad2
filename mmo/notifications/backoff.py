"""How long to wait before something is tried again: longer each time, scattered, as told."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SCATTER = 0.2
"""By how much of itself a wait is longer or shorter, so that what failed together comes apart."""


def backoff_s(tries: int, *, first_s: float, last_s: float) -> float:
    """Seconds to wait after so many tries before this one, doubled each time and scattered."""
    plain = first_s * 2.0 ** min(tries, 60)
    scattered = plain * random.uniform(1 - SCATTER, 1 + SCATTER)  # noqa: S311 - no secret
    return min(scattered, last_s)


def retry_after_s(header: str, now: datetime) -> float | None:
    """Seconds that the header Retry-After asks for, in seconds or as a date; None for nonsense."""
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)
