"""What waits for agreement, and what people said about it: values that histories keep."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

import orjson

from mmo.kernel.envelope import Actor

Kind = Literal["movement", "change"]
Choice = Literal["approve", "reject", "cancel"]
Ending = Literal["approved", "rejected", "expired", "cancelled", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one person said, verified: with those of their roles that were asked for."""

    subject: str
    choice: Choice
    roles: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """One movement or change that waits. `asks` and `given` are the rules' own values as JSON."""

    tenant: str
    tenant_id: int
    kind: Kind
    id: str
    """The movement's or the change's id."""
    event: str
    """`<entity>.<action>`."""
    about: str
    """The hash of the request: a decision is about this content, not about a number."""
    maker: Actor
    asks: tuple[dict[str, Any], ...]
    """Rows of `Ask`: roles, people, expires_s …"""
    given: tuple[Vote, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict[str, Any])
    """What an inbox shows: type, amount, parties by id; nothing personal."""
    expires_at: str = ""
    """RFC 3339, UTC."""

    @property
    def roles(self) -> frozenset[str]:
        """Every role whose holders may say something."""
        return frozenset(role for ask in self.asks for role in ask["roles"])


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedApproval:
    """An approval as its rows have it, for a process that asks for it, perhaps not at first."""

    expires_at: str
    """RFC 3339, UTC: asked for again, it expires when it would have."""
    given: tuple[Vote, ...] = ()
    """Votes that were counted before."""
    documents: tuple[str, ...] = ()
    """Signed documents that an earlier run of the process may have lost."""


def binding(kind: Kind, event: str, identifier: str, request: dict[str, Any]) -> str:
    """What a decision is about: no document decides another request, or this one changed."""
    seen = orjson.dumps([kind, event, identifier, request], option=orjson.OPT_SORT_KEYS)
    return sha256(seen).hexdigest()
