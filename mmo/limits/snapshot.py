"""Limit profiles of a tenant at one version of its rules, compiled, so that none is read anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from mmo.dated.documents import WrongDocumentError
from mmo.dated.term import Term
from mmo.limits.profile import Profile, read

KIND = "limit-profile"
"""What profiles are called among dated terms."""
Key: TypeAlias = tuple[str, int, str, int | None]
"""Kind of wallet, tier, currency, and product; null: the default of all products."""


class UnreadableProfileError(Exception):
    """The profile in force cannot be read any more: nothing passes unlimited by mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The profile that a wallet has, with what the decision record names."""

    id: str
    version: int
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """The limit profiles of one tenant. Immutable."""

    version: int
    by_key: Mapping[Key, tuple[tuple[Term, Profile | None], ...]] = field(
        default_factory=dict[Key, tuple[tuple[Term, Profile | None], ...]]
    )

    def find(
        self, kind: str, tier: int, currency: str, product: int | None, at: datetime
    ) -> InForce | None:
        """The profile in force: the product's own, else the default; None: it has no limits.

        Raises UnreadableProfileError.
        """
        own = self._at((kind, tier, currency, product), at) if product is not None else None
        found = own or self._at((kind, tier, currency, None), at)
        if found is None:
            return None
        term, profile = found
        if profile is None:
            raise UnreadableProfileError(term.id)
        return InForce(id=term.id, version=term.number, profile=profile)

    def _at(self, key: Key, at: datetime) -> tuple[Term, Profile | None] | None:
        return next((one for one in self.by_key.get(key, ()) if one[0].holds(at)), None)


EMPTY = Profiles(version=0)


def compiled(version: int, terms: Iterable[Term]) -> Profiles:
    """Compile the profiles among dated terms. One that cannot be read stands, and refuses."""
    by_key: dict[Key, tuple[tuple[Term, Profile | None], ...]] = {}
    for term in terms:
        if term.kind == KIND:
            about = term.key
            key = (about["wallet_kind"], about["tier"], about["currency"], about["product"])
            by_key[key] = (*by_key.get(key, ()), (term, _read(term)))
    return Profiles(version=version, by_key=by_key)


def _read(term: Term) -> Profile | None:
    try:
        return read(term.content)
    except WrongDocumentError:
        return None
