"""Tariffs of a tenant at one version of its rules, compiled, so that pricing reads none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from mmo.dated.documents import WrongDocumentError
from mmo.dated.term import Term
from mmo.pricing.price import CannotPriceError
from mmo.pricing.schedule import Free
from mmo.pricing.tariff import Tariff, read

KIND = "tariff"
"""What tariffs are called among dated terms."""
Key: TypeAlias = tuple[str, str, int | None]
"""Movement type, currency, and product; null: the default of all products."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The tariff that a movement is priced by, with what the decision record names."""

    id: str
    version: int
    tariff: Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    term: Term
    tariff: Tariff | None
    """None where the content cannot be read any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariffs:
    """The tariffs of one tenant. Immutable."""

    version: int
    by_key: Mapping[Key, tuple[_Version, ...]] = field(
        default_factory=dict[Key, tuple[_Version, ...]]
    )

    def find(
        self, movement: str, currency: str, product: int | None, at: datetime
    ) -> InForce | None:
        """The tariff in force at a moment: the product's own, else the default; None: it is free.

        Raises CannotPriceError `tariff_unreadable`: nothing passes unpriced by mistake.
        """
        own = self._at((movement, currency, product), at) if product is not None else None
        found = own or self._at((movement, currency, None), at)
        if found is None:
            return None
        if found.tariff is None:
            raise CannotPriceError("tariff_unreadable")
        return InForce(id=found.term.id, version=found.term.number, tariff=found.tariff)

    def free_charges(self, movement: str, currency: str) -> tuple[tuple[str, str], ...]:
        """Charges that are free at first, with their period, whatever the product and moment."""
        found = (
            (charge.name, charge.schedule.per)
            for (name, of, _), versions in self.by_key.items()
            if (name, of) == (movement, currency)
            for one in versions
            if one.tariff is not None
            for charge in one.tariff.charges
            if isinstance(charge.schedule, Free)
        )
        return tuple(dict.fromkeys(found))

    def _at(self, key: Key, at: datetime) -> _Version | None:
        return next((one for one in self.by_key.get(key, ()) if one.term.holds(at)), None)


EMPTY = Tariffs(version=0)


def compiled(version: int, terms: Iterable[Term]) -> Tariffs:
    """Compile the tariffs among dated terms. One that cannot be read stands, and prices nothing."""
    by_key: dict[Key, tuple[_Version, ...]] = {}
    for term in terms:
        if term.kind == KIND:
            key = (term.key["movement"], term.key["currency"], term.key["product"])
            by_key[key] = (*by_key.get(key, ()), _Version(term=term, tariff=_read(term)))
    return Tariffs(version=version, by_key=by_key)


def _read(term: Term) -> Tariff | None:
    try:
        return read(term.content)
    except WrongDocumentError:
        return None
