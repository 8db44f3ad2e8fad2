"""Short messages in Postgres: queued once, sent when they are due, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.notifications import parts

Connection = AsyncConnection[Any]
ONCE_IN = timedelta(hours=24)
LANGUAGE, SENDER = "en", "MMO"
PURPOSE = "pii"
"""Of the key that seals texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message that is due."""

    tenant_id: int
    id: UUID
    wallet: UUID
    text: str
    tries: int


def text_context(message: UUID) -> bytes:
    """To what a sealed text is bound."""
    return f"sms.text|{message}".encode()


async def settings_of(connection: Connection, tenant: int) -> tuple[str, str]:
    """Language and sender of an operator's messages."""
    cursor = await connection.execute(
        "SELECT language, sender FROM notifications.settings WHERE tenant_id = %s", [tenant]
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (LANGUAGE, SENDER)


async def queue(
    connection: Connection,
    tenant: int,
    identifier: UUID,
    *,
    wallet: UUID,
    definition: UUID,
    text: str,
    coding: str,
    segments: int,
    dedupe: str | None,
    due_at: datetime,
    once_in: timedelta = ONCE_IN,
) -> bool:
    """Queue a message, in the open transaction. False where it is there, or its key is.

    A key is there once in so long a time, whoever asks at once.
    """
    if dedupe is not None:
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [dedupe, tenant]
        )
    cursor = await connection.execute(
        """INSERT INTO notifications.message
                  (tenant_id, id, wallet, definition, text, coding, segments, dedupe, due_at)
           SELECT %(tenant)s, %(id)s, %(wallet)s, %(definition)s, %(text)s, %(coding)s,
                  %(segments)s, %(dedupe)s::text, %(due_at)s
            WHERE %(dedupe)s::text IS NULL OR NOT EXISTS (
                  SELECT FROM notifications.message
                   WHERE tenant_id = %(tenant)s AND dedupe = %(dedupe)s::text
                     AND created_at > now() - %(once_in)s::interval)
           ON CONFLICT DO NOTHING""",
        {
            "tenant": tenant, "id": identifier, "wallet": wallet, "definition": definition,
            "text": text, "coding": coding, "segments": segments, "dedupe": dedupe,
            "due_at": due_at, "once_in": once_in,
        },
    )  # fmt: skip
    return bool(cursor.rowcount)


async def due(connection: Connection, limit: int) -> list[Queued]:
    """Messages of all tenants that are due, the longest waiting first."""
    cursor = connection.cursor(row_factory=class_row(Queued))
    await cursor.execute(
        """SELECT tenant_id, id, wallet, text, tries FROM notifications.message
            WHERE state = 'queued' AND due_at <= now() ORDER BY due_at LIMIT %s""",
        [limit],
    )
    return await cursor.fetchall()


async def sent(
    connection: Connection,
    message: Queued,
    centre_ids: Sequence[str],
    *,
    route: str,
    sender: str,
    msisdn: str,
) -> None:
    """Remember that it went out by a route, and by which ids the centre knows its parts."""
    async with connection.transaction():
        await parts.store(
            connection, message.tenant_id, message.id, centre_ids, route=route, sender=sender,
            msisdn=msisdn,
        )  # fmt: skip
        await _set(connection, message, "sent", "", 0.0)


async def postpone(connection: Connection, message: Queued, reason: str, after_s: float) -> None:
    """Try it again later."""
    await _set(connection, message, "queued", reason, after_s)


async def fail(connection: Connection, message: Queued, reason: str) -> None:
    """Give it up, for a reason."""
    await _set(connection, message, "failed", reason, 0.0)


async def _set(
    connection: Connection, message: Queued, state: str, reason: str, after_s: float
) -> None:
    await connection.execute(
        """UPDATE notifications.message
              SET state = %s, reason = %s, tries = tries + 1, changed_at = now(),
                  due_at = CASE WHEN %s THEN now() + %s * interval '1 second' ELSE due_at END
            WHERE tenant_id = %s AND id = %s""",
        [state, reason[:200], state == "queued", after_s, message.tenant_id, message.id],
    )
