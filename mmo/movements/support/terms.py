"""The operator's terms as movements hold them: what each costs, and what a wallet may move."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mmo.dated.term import Term
from mmo.limits import snapshot as limits
from mmo.limits.counting import WINDOWS
from mmo.limits.profile import Window
from mmo.limits.snapshot import Profiles
from mmo.pricing import snapshot as pricing
from mmo.pricing.snapshot import Tariffs

FREE = 10_000
"""Counters of free uses are numbered from here on."""
_WINDOWS: dict[str, Window] = {"day": "daily", "week": "weekly", "month": "monthly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Tariffs and limit profiles of one tenant at one version of its rules. Immutable."""

    version: int
    tariffs: Tariffs = field(default_factory=lambda: pricing.EMPTY)
    profiles: Profiles = field(default_factory=lambda: limits.EMPTY)


EMPTY = Terms(version=0)


def compiled(version: int, terms: Sequence[Term]) -> Terms:
    """Compile the terms that are in force, and those to come."""
    return Terms(
        version=version,
        tariffs=pricing.compiled(version, terms),
        profiles=limits.compiled(version, terms),
    )


def window_of(per: str) -> Window:
    """The window of a tariff's period: `day` is counted daily."""
    return _WINDOWS[per]


def free_bucket(number: int, window: Window) -> int:
    """The counter of a movement's free uses within a window."""
    return FREE + number * len(WINDOWS) + WINDOWS.index(window)
