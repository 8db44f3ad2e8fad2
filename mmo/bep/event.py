"""Business events: an action on an entity, put to processors before and after it happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from mmo.kernel.money import Money

Side = Literal["payer", "payee", "any"]
"""On which side of a movement a party stands; `any` where it is no movement."""


class Phase(Enum):
    """When processors are asked: before anything is written, or after it stands."""

    PRE = "pre"
    POST = "post"


BOTH = frozenset(Phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """One entry of the catalogue: what may happen to an entity, and what such an event carries."""

    entity: str
    action: str
    """Imperative: `transfer`, `freeze`, `waive-interest`."""
    title: str
    phases: frozenset[Phase] = BOTH
    amount: bool = False
    product: bool = False
    parties: Mapping[str, Side] = field(default_factory=dict[str, Side])
    """Role of each wallet that takes part → the side it stands on."""
    data: tuple[str, ...] | None = None
    """Names of what else it brings along before it happens; None: whatever its command has."""
    raises: tuple[str, ...] = ()
    """Types of the messages that tell, in the feed, that it has happened."""
    spoken: tuple[str, ...] = ()
    """Other names that rules may use for the action: `waive interest`, `approval`."""
    declared: bool = False
    """Whether nothing raises the event yet: rules for it are stored and tried, and never bind."""

    @property
    def name(self) -> str:
        return f"{self.entity}.{self.action}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventActor:
    """Who caused the event, with the roles and claims of the moment."""

    subject: str
    client: str
    roles: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessEvent:
    """One event, about to happen (`PRE`) or there (`POST`)."""

    kind: EventKind
    phase: Phase
    id: str
    """The movement's or the change's id; in `POST` that of the event in the feed."""
    at: datetime
    actor: EventActor
    product: int | None = None
    amount: Money | None = None
    parties: Mapping[str, str] = field(default_factory=dict[str, str])
    """Role → id of the wallet, user … that takes part."""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else is known of it: ids and codes, nothing personal."""
