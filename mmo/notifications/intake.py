"""Which reactions were written down, in Postgres: each is taken once, whatever the broker does.

All at or below the position of the consumer `effects` are done. Above it, each one that is done has
a row; the position moves up over them, and they are removed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.messaging.postgres import lock_position, move_to, position_of

Connection = AsyncConnection[Any]

KINDS = ("sms", "webhook", "notification")
"""Kinds of reactions that the broker brings; the rest have workflows of their own."""
CONSUMER, PUBLISHER = "effects", "relay"
GIVEN_UP_MAX = 1000
MARGIN = timedelta(hours=1)
"""How far the clocks of broker and database may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a reaction asks for. `done`: it was written down, or given up."""

    xid: int
    data: Mapping[str, Any]
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the position has come, and what stands in its way."""

    moved: bool
    given_up: Sequence[UUID]


def type_of(kind: str) -> str:
    """The type of the event by which a reaction of this kind is asked for."""
    return f"mmo.{kind}.requested.v1"


def consumer_of(kind: str) -> str:
    """The name of a kind's durable consumer at the broker."""
    return f"effects-{kind}"


def subject_of(kind: str) -> str:
    """The subjects of a kind's reactions, of every tenant."""
    return f"mmo.*.reactions.{kind}.requested.v1"


async def requested(
    connection: Connection, tenant: int, identifier: UUID, kind: str
) -> Request | None:
    """The reaction as the feed has it; None where it has none of that id and kind."""
    cursor = connection.cursor(row_factory=class_row(Request))
    await cursor.execute(
        """SELECT e.xid, e.data,
                  e.xid <= coalesce((SELECT c.xid FROM messaging.cursor c WHERE consumer = %s), 0)
                  OR EXISTS (SELECT FROM notifications.reaction_intake i
                              WHERE i.tenant_id = e.tenant_id AND i.id = e.id) AS done
             FROM messaging.event e
            WHERE e.tenant_id = %s AND e.id = %s AND e.aggregate = 'reaction' AND e.type = %s""",
        [CONSUMER, tenant, identifier, type_of(kind)],
    )
    return await cursor.fetchone()


async def record(
    connection: Connection, tenant: int, identifier: UUID, xid: int, outcome: str
) -> bool:
    """Remember that a reaction is done, in the open transaction; False where it was before."""
    cursor = await connection.execute(
        """INSERT INTO notifications.reaction_intake (tenant_id, id, xid, outcome)
           VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [tenant, identifier, xid, outcome],
    )
    return bool(cursor.rowcount)


async def advance(connection: Connection, kinds: Sequence[str], patience: timedelta) -> Progress:
    """Move the position up to the first reaction that is not done, in one transaction.

    One that was asked for so long ago and never done is given up: it would hold the position, and
    with it the rows above, for ever.
    """
    given_up: list[UUID] = []
    async with connection.transaction():
        position = await lock_position(connection, CONSUMER)
        while (first := await _first_open(connection, kinds, position, patience)) is not None:
            if not first.old or len(given_up) == GIVEN_UP_MAX:
                break
            await record(connection, first.tenant_id, first.id, first.xid, "given_up")
            given_up.append(first.id)
        end = await position_of(connection, PUBLISHER) if first is None else first.xid - 1
        if end > position:
            await move_to(connection, CONSUMER, end)
            await connection.execute(
                "DELETE FROM notifications.reaction_intake WHERE xid <= %s", [end]
            )
    return Progress(moved=end > position, given_up=given_up)


async def published_since(connection: Connection) -> datetime | None:
    """A moment after which everything above the position was published; None: from the start."""
    cursor = await connection.execute(
        """SELECT least(e.occurred_at, c.moved_at) FROM messaging.cursor c
             JOIN LATERAL (SELECT occurred_at FROM messaging.event WHERE xid <= c.xid
                            ORDER BY xid DESC, seq DESC LIMIT 1) e ON true
            WHERE c.consumer = %s""",
        [CONSUMER],
    )
    row = await cursor.fetchone()
    return row[0] - MARGIN if row else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    tenant_id: int
    id: UUID
    xid: int
    old: bool


async def _first_open(
    connection: Connection, kinds: Sequence[str], position: int, patience: timedelta
) -> _Open | None:
    """The first reaction that is published and not done."""
    cursor = connection.cursor(row_factory=class_row(_Open))
    await cursor.execute(
        """SELECT e.tenant_id, e.id, e.xid, e.occurred_at < now() - %s::interval AS old
             FROM messaging.event e
            WHERE e.aggregate = 'reaction' AND e.type = ANY (%s) AND e.xid > %s
              AND e.xid <= (SELECT xid FROM messaging.cursor WHERE consumer = %s)
              AND NOT EXISTS (SELECT FROM notifications.reaction_intake i
                               WHERE i.tenant_id = e.tenant_id AND i.id = e.id)
            ORDER BY e.xid, e.seq LIMIT 1""",
        [patience, [type_of(kind) for kind in kinds], position, PUBLISHER],
    )
    return await cursor.fetchone()
