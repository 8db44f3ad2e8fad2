"""Terms of one kind, compiled: what is in force for a key, a product and a moment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from mmo.dated.documents import WrongDocumentError
from mmo.dated.term import Term

C = TypeVar("C")
Key: TypeAlias = tuple[Any, ...]
"""Members of a term's key, in the order that its kind names them; the product is the last."""


class UnreadableTermError(Exception):
    """What is in force cannot be read any more: nothing passes without it by mistake."""


@dataclass(frozen=True, kw_only=True)  # a generic one with slots cannot be made by its type
class InForce(Generic[C]):
    """A term with its content, and what the decision record names of it."""

    id: str
    version: int
    content: C


@dataclass(frozen=True, kw_only=True)  # a generic one with slots cannot be made by its type
class InForceTerms(Generic[C]):
    """All terms of one kind of one tenant. Immutable."""

    by_key: Mapping[Key, tuple[tuple[Term, C | None], ...]] = field(
        default_factory=dict[Key, tuple[tuple[Term, C | None], ...]]
    )

    def find(self, *key: object, product: int | None, at: datetime) -> InForce[C] | None:
        """The term in force at a moment: the product's own, else the default; None: there is none.

        Raises UnreadableTermError.
        """
        own = self._at((*key, product), at) if product is not None else None
        found = own or self._at((*key, None), at)
        if found is None:
            return None
        term, content = found
        if content is None:
            raise UnreadableTermError(f"{term.kind} {term.id}")
        return InForce(id=term.id, version=term.number, content=content)

    def _at(self, key: Key, at: datetime) -> tuple[Term, C | None] | None:
        return next((one for one in self.by_key.get(key, ()) if one[0].holds(at)), None)


def in_force(
    terms: Iterable[Term], kind: str, members: Sequence[str], read: Callable[[Any], C]
) -> InForceTerms[C]:
    """Compile the terms of a kind. `members`: of their keys, without the product.

    What `read` refuses with WrongDocumentError stands, and lets nothing pass.
    """
    by_key: dict[Key, tuple[tuple[Term, C | None], ...]] = {}
    for term in terms:
        if term.kind == kind:
            key = (*(term.key[member] for member in members), term.key["product"])
            by_key[key] = (*by_key.get(key, ()), (term, _content(term, read)))
    return InForceTerms(by_key=by_key)


def _content(term: Term, read: Callable[[Any], C]) -> C | None:
    try:
        return read(term.content)
    except WrongDocumentError:
        return None
