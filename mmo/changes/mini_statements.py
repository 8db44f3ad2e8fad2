"""Asking for a mini-statement, as a kind of change: the message is queued with its event."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind
from mmo.notifications import messages
from mmo.notifications.mini_statement import DEFINITION, EVERY, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedMessage:
    """A message that was written and sealed: balances are nobody's business but the holder's."""

    id: UUID
    text: str
    coding: str
    segments: int


async def _ask(connection: AsyncConnection[Any], asked: Asked) -> Carried:
    """Queue it. Raises DeclinedError asked_too_soon where one was, less than a minute ago."""
    message, wallet = asked.unkept, UUID(asked.object.removeprefix("wallet/"))
    assert isinstance(message, SealedMessage)
    queued = await messages.queue(
        connection, asked.tenant_id, message.id, wallet=wallet, definition=DEFINITION,
        text=message.text, coding=message.coding, segments=message.segments,
        dedupe=key_of(wallet), due_at=datetime.now(UTC), once_in=EVERY,
    )  # fmt: skip
    if not queued:
        raise DeclinedError("asked_too_soon")
    return Carried()


KINDS = (
    ChangeKind(
        event="wallet.ask-mini-statement", scope="wallets:on-behalf", carry_out=_ask, waits=False
    ),
)
