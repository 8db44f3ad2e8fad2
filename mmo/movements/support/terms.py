"""The operator's terms as movements hold them: what each costs, and what a wallet may move."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mmo.dated.in_force import InForceTerms, in_force
from mmo.dated.term import Term
from mmo.limits import suspension
from mmo.limits.counting import WINDOWS
from mmo.limits.profile import KIND, Profile, Window, read
from mmo.limits.suspension import Suspension
from mmo.pricing import snapshot as pricing
from mmo.pricing.snapshot import Tariffs

FREE = 10_000
"""Counters of free uses are numbered from here on."""
_WINDOWS: dict[str, Window] = {"day": "daily", "week": "weekly", "month": "monthly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Tariffs, limits and suspensions of one tenant at one version of its rules. Immutable."""

    version: int
    tariffs: Tariffs = field(default_factory=Tariffs)
    profiles: InForceTerms[Profile] = field(default_factory=InForceTerms[Profile])
    """By kind of wallet, tier and currency."""
    suspensions: InForceTerms[Suspension] = field(default_factory=InForceTerms[Suspension])
    """By movement type and currency."""


EMPTY = Terms(version=0)


def compiled(version: int, terms: Sequence[Term]) -> Terms:
    """Compile the terms that are in force, and those to come."""
    return Terms(
        version=version,
        tariffs=pricing.compiled(terms),
        profiles=in_force(terms, KIND, ("wallet_kind", "tier", "currency"), read),
        suspensions=in_force(terms, suspension.KIND, ("movement", "currency"), suspension.read),
    )


def window_of(per: str) -> Window:
    """The window of a tariff's period: `day` is counted daily."""
    return _WINDOWS[per]


def free_bucket(number: int, window: Window) -> int:
    """The counter of a movement's free uses within a window."""
    return FREE + number * len(WINDOWS) + WINDOWS.index(window)
