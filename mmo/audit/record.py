"""A record: who did what to which object, and how it ended. Never a PIN, a token or a number."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import orjson

from mmo.kernel.identifiers import mint

Outcome = Literal["done", "refused", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing that somebody did, or was refused, in one tenant (0: on the platform)."""

    tenant_id: int
    actor: str
    """The subject of the token."""
    client: str
    action: str
    """`<entity>.<verb>`, such as `wallet.freeze`."""
    object: str
    """`<entity>/<id>`."""
    outcome: Outcome = "done"
    reason: str | None = None
    """The code of a refusal, or the reason that the actor gave."""
    act: tuple[dict[str, str], ...] = ()
    """Who really acts where somebody entered from another tenant; the nearest first."""
    before: bytes | None = None
    after: bytes | None = None
    """Hashes of the object's content: see `digest_of`."""
    request_id: str | None = None
    ip: str | None = None
    workflow_id: str | None = None
    id: UUID = field(default_factory=mint)
    """A record is kept once by its id, however often it is appended."""


def digest_of(content: Any) -> bytes:
    """SHA-256 of an object's content in one canonical form. Values are JSON's, dates and UUIDs."""
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
