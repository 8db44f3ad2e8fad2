"""Tariffs of a tenant, compiled, so that pricing reads none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mmo.dated.in_force import InForceTerms, in_force
from mmo.dated.term import Term
from mmo.pricing.schedule import Free
from mmo.pricing.tariff import KIND, Tariff, read

FreeCharge = tuple[str, str]
"""Name of a charge that is free at first, and its period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariffs:
    """The tariffs of one tenant. Immutable."""

    terms: InForceTerms[Tariff] = field(default_factory=InForceTerms[Tariff])
    """By movement type and currency."""
    free: Mapping[tuple[str, str], tuple[FreeCharge, ...]] = field(
        default_factory=dict[tuple[str, str], tuple[FreeCharge, ...]]
    )
    """Movement type and currency → charges that are free at first, whatever product and moment."""


def compiled(terms: Iterable[Term]) -> Tariffs:
    """Compile the tariffs among dated terms."""
    found = in_force(terms, KIND, ("movement", "currency"), read)
    free: dict[tuple[str, str], dict[FreeCharge, None]] = {}
    for (movement, currency, _), versions in found.by_key.items():
        for _, tariff in versions:
            for charge in tariff.charges if tariff else ():
                if isinstance(charge.schedule, Free):
                    uses = free.setdefault((movement, currency), {})
                    uses[charge.name, charge.schedule.per] = None
    return Tariffs(terms=found, free={key: tuple(uses) for key, uses in free.items()})
