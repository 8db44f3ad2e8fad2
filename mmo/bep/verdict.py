"""What a validator may answer, and what many answers come to."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Whose agreement is needed: so many people, each of whom holds one of the roles."""

    roles: tuple[str, ...]
    people: int = 1
    expires_s: int = DAY_S
    """Seconds after which it is too late to agree."""
    remind_s: int | None = None
    escalate_s: int | None = None
    escalate_to: tuple[str, ...] = ()
    """Roles that may agree too, once `escalate_s` seconds have passed."""

    def row(self) -> dict[str, Any]:
        """As decision records and inboxes keep it."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}

    def after(self, seconds: float) -> "Ask":
        """The ask so long after it was made: escalated, where its time for that has passed."""
        if self.escalate_s is None or seconds < self.escalate_s:
            return self
        further = tuple(role for role in self.escalate_to if role not in self.roles)
        return replace(self, roles=(*self.roles, *further))

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Ask":
        """Read what `row` wrote."""
        lists = {name: tuple(row[name]) for name in ("roles", "escalate_to") if name in row}
        told: dict[str, Any] = {**row, **lists}
        return cls(**told)


@dataclass(frozen=True, slots=True)
class Allow:
    """The rule has nothing against it."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The rule refuses: for a published code, with a sentence for the caller."""

    code: str
    reason: str
    details: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class RequireApproval:
    """The rule allows it once these have agreed."""

    asks: tuple[Ask, ...]
    reason: str = ""


Verdict: TypeAlias = Allow | Refuse | RequireApproval


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's agreement, verified: with the roles that they held when it was."""

    subject: str
    roles: tuple[str, ...]


def merged(asked: Sequence[Ask], now: Iterable[Ask]) -> tuple[Ask, ...]:
    """What was asked before, and what is asked now beside it: the stricter of both."""
    further = (ask for ask in now if not any(_stands_for(old, ask) for old in asked))
    return tuple(dict.fromkeys((*asked, *further)))


def _stands_for(old: Ask, new: Ask) -> bool:
    """Whether it is the same ask, though it may have been escalated to further roles since."""
    plain, grown = set(new.roles), set(old.roles)
    return replace(new, roles=old.roles) == old and plain <= grown <= plain | set(new.escalate_to)


def unmet(asks: Sequence[Ask], approvals: Iterable[Approval]) -> tuple[Ask, ...]:
    """The asks that still lack somebody. Every person counts once, where it helps most.

    A matching of people to places: what two people of several roles can fill between them is found
    whatever the order in which they came.
    """
    places = [number for number, ask in enumerate(asks) for _ in range(ask.people)]
    people = {one.subject: frozenset(one.roles) for one in approvals}
    taken: dict[int, str] = {}

    def place(subject: str, seen: set[int]) -> bool:
        for index, number in enumerate(places):
            if index in seen or not people[subject] & set(asks[number].roles):
                continue
            seen.add(index)
            if index not in taken or place(taken[index], seen):
                taken[index] = subject
                return True
        return False

    for subject in people:
        place(subject, set())
    open_numbers = {number for index, number in enumerate(places) if index not in taken}
    return tuple(ask for number, ask in enumerate(asks) if number in open_numbers)
