"""The inboxes of staff, in Postgres: what each one was told, and whether they have read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]

CHANNEL = "mmo_inbox"
"""NOTIFY: `<tenant's number>/<user>` has something new."""
_COLUMNS = "seq, id, topic, text, about, created_at, read_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One line of an inbox. `seq` grows: the number of the line."""

    seq: int
    id: UUID
    topic: str
    text: str
    about: Mapping[str, Any]
    created_at: datetime
    read_at: datetime | None


async def put(
    connection: Connection,
    tenant: int,
    identifier: UUID,
    *,
    role: str,
    office: str,
    but: str,
    topic: str,
    text: str,
    about: Mapping[str, Any],
) -> int:
    """Put a notice into every inbox of an audience, once, and ring; says into how many."""
    cursor = await connection.execute(
        """WITH put AS (
               INSERT INTO notifications.notification (tenant_id, user_id, id, topic, text, about)
               SELECT %s, a, %s, %s, %s, %s FROM notifications.audience(%s, %s, %s, %s) a
               ON CONFLICT DO NOTHING RETURNING user_id)
           SELECT pg_notify(%s, %s || '/' || user_id) FROM put""",
        [
            tenant, identifier, topic, text, Jsonb(about), tenant, role, office, but, CHANNEL,
            str(int(tenant)),
        ],
    )  # fmt: skip
    return len(await cursor.fetchall())


async def newest(
    connection: Connection, tenant: int, user: str, *, unread: bool, before: int | None, limit: int
) -> list[Notice]:
    """A user's notices, the newest first."""
    cursor = connection.cursor(row_factory=class_row(Notice))
    query = f"""SELECT {_COLUMNS} FROM notifications.notification
                 WHERE tenant_id = %s AND user_id = %s AND (NOT %s OR read_at IS NULL)
                   AND (%s::bigint IS NULL OR seq < %s)
                 ORDER BY seq DESC LIMIT %s"""  # noqa: S608 - our own column list
    await cursor.execute(query.encode(), [tenant, user, unread, before, before, limit])
    return await cursor.fetchall()


async def since(
    connection: Connection, tenant: int, user: str, after: int, limit: int
) -> list[Notice]:
    """A user's notices after that one, the oldest first."""
    cursor = connection.cursor(row_factory=class_row(Notice))
    query = f"""SELECT {_COLUMNS} FROM notifications.notification
                 WHERE tenant_id = %s AND user_id = %s AND seq > %s
                 ORDER BY seq LIMIT %s"""  # noqa: S608 - our own column list
    await cursor.execute(query.encode(), [tenant, user, after, limit])
    return await cursor.fetchall()


async def last(connection: Connection, tenant: int, user: str) -> int:
    """The number of a user's newest notice; 0 in an empty inbox."""
    cursor = await connection.execute(
        """SELECT coalesce(max(seq), 0) FROM notifications.notification
            WHERE tenant_id = %s AND user_id = %s""",
        [tenant, user],
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def read(connection: Connection, tenant: int, user: str, identifier: UUID) -> Notice | None:
    """Mark a notice as read; the first time counts."""
    cursor = connection.cursor(row_factory=class_row(Notice))
    query = f"""UPDATE notifications.notification SET read_at = coalesce(read_at, now())
                 WHERE tenant_id = %s AND user_id = %s AND id = %s
             RETURNING {_COLUMNS}"""  # noqa: S608 - our own column list
    await cursor.execute(query.encode(), [tenant, user, identifier])
    return await cursor.fetchone()
