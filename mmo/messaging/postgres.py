"""The event store and its feed, in Postgres.

The feed is read in whole transactions, in the order of their numbers, and only below the oldest
one still running: so nothing can appear behind a reader, and a position in the feed is one
transaction number.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.messaging.event import Event

PAGE_MAX = 500
"""Events that one read asks for; the last transaction is read whole, however long."""

NEWEST = 2**62
"""A position beyond every feed."""

_COLUMNS = (
    "tenant_id, id, aggregate, aggregate_id, version, type, actor, occurred_at, data, xid, seq"
)
_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


async def append(connection: AsyncConnection[Any], events: Sequence[Event]) -> int:
    """Append events in the open transaction; answer with its position in the feed.

    Raises psycopg.errors.UniqueViolation where another change of the aggregate came first.
    """
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO messaging.event
               (tenant_id, id, aggregate, aggregate_id, version, type, actor, occurred_at, data)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            [
                (
                    event.tenant_id, event.id, event.aggregate, event.aggregate_id, event.version,
                    event.type, event.actor, event.occurred_at, Jsonb(event.data),
                )
                for event in events
            ],
        )  # fmt: skip
        await cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def read_feed(
    connection: AsyncConnection[Any], after: int, *, until: int = NEWEST, page: int = PAGE_MAX
) -> list[Event]:
    """Read the events of the next whole transactions after a position, in the order of the feed.

    `until` is the last position to read.
    """
    cursor = connection.cursor(row_factory=class_row(Event))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM messaging.event
             WHERE xid > %s AND xid <= %s AND xid < {_HORIZON}
             ORDER BY xid, seq LIMIT %s""",  # noqa: S608 - our own column list
        [after, until, page],
    )
    events = await cursor.fetchall()
    if len(events) < page:
        return events
    last = events[-1].xid
    whole = [event for event in events if event.xid != last]
    if whole:
        return whole
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM messaging.event WHERE xid = %s ORDER BY seq",  # noqa: S608
        [last],
    )
    return await cursor.fetchall()


async def history_of(
    connection: AsyncConnection[Any], tenant: int, aggregate: str, identifier: UUID
) -> list[Event]:
    """Every event of one aggregate, the oldest first."""
    cursor = connection.cursor(row_factory=class_row(Event))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM messaging.event
             WHERE tenant_id = %s AND aggregate = %s AND aggregate_id = %s
             ORDER BY version""",  # noqa: S608 - our own column list
        [tenant, aggregate, identifier],
    )
    return await cursor.fetchall()


async def head(connection: AsyncConnection[Any]) -> int:
    """The position of the newest event that a reader of the feed may see; 0 in an empty feed."""
    cursor = await connection.execute(
        f"SELECT coalesce(max(xid), 0) FROM messaging.event WHERE xid < {_HORIZON}"  # noqa: S608
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def position_of(connection: AsyncConnection[Any], consumer: str) -> int:
    """How far a reader of the feed has come; 0 for one that has not begun."""
    cursor = await connection.execute(
        "SELECT xid FROM messaging.cursor WHERE consumer = %s", [consumer]
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def lock_position(connection: AsyncConnection[Any], consumer: str) -> int:
    """Read a position and keep other readers of that name waiting until the transaction ends."""
    await connection.execute(
        "INSERT INTO messaging.cursor (consumer) VALUES (%s) ON CONFLICT DO NOTHING", [consumer]
    )
    cursor = await connection.execute(
        "SELECT xid FROM messaging.cursor WHERE consumer = %s FOR UPDATE", [consumer]
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def move_to(connection: AsyncConnection[Any], consumer: str, position: int) -> None:
    """Remember how far a reader has come, in the open transaction; it never goes back."""
    await connection.execute(
        """INSERT INTO messaging.cursor AS c (consumer, xid) VALUES (%s, %s)
           ON CONFLICT (consumer) DO UPDATE SET xid = excluded.xid, moved_at = now()
           WHERE c.xid < excluded.xid""",
        [consumer, position],
    )
