"""The archive of histories, in Postgres: written once, never changed."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool
from temporalio.client import WorkflowHistory

from mmo.histories.history import Packed, closed_at, pack, timeline_of, unpack
from mmo.kernel.identifiers import mint
from mmo.messaging.event import Event
from mmo.messaging.postgres import append
from mmo.tenancy.scope import scoped

EXPORTED = "mmo.history.exported.v1"
PAGE = 200
"""Histories that are read at once."""
LAST = UUID(int=2**128 - 1)
"""Above every id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """A movement with an outcome whose history is not kept yet."""

    tenant_id: int
    movement_id: UUID
    type: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A kept history as its row tells it."""

    tenant_id: int
    movement_id: UUID
    workflow_id: str
    content: bytes
    sha256: bytes

    def history(self) -> WorkflowHistory:
        """Unpack it. Raises DamagedHistoryError."""
        return unpack(self.workflow_id, Packed(self.content, self.sha256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A workflow's history, to be kept."""

    tenant_id: int
    movement_id: UUID
    history: WorkflowHistory
    workflow_type: str


class Archive:
    """Keeps histories and finds them again."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def awaiting(self, after: datetime, limit: int) -> list[Awaiting]:
        """Movements accepted after a moment whose histories are not kept, the oldest first."""
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(Awaiting))
            await cursor.execute(
                """SELECT tenant_id, movement_id, type, accepted_at FROM movements.command
                    WHERE NOT kept AND outcome IS NOT NULL AND state NOT LIKE 'pending%%'
                      AND accepted_at > %s
                    ORDER BY accepted_at LIMIT %s""",
                [after, limit],
            )
            return await cursor.fetchall()

    async def keep(self, closed: Sequence[Closed]) -> int:
        """Keep closed histories and tell them to the feed, in one transaction; how many are new."""
        packed = {one.movement_id: pack(one.history) for one in closed}
        ids = [one.movement_id for one in closed]
        tenants = [one.tenant_id for one in closed]
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(
                """INSERT INTO histories.history
                   (tenant_id, movement_id, workflow_id, run_id, workflow_type, closed_at, events,
                    content, sha256)
                   SELECT * FROM unnest(%s::int[], %s::uuid[], %s::text[], %s::text[], %s::text[],
                                        %s::timestamptz[], %s::int[], %s::bytea[], %s::bytea[])
                   ON CONFLICT DO NOTHING RETURNING movement_id""",
                [
                    tenants,
                    ids,
                    [one.history.workflow_id for one in closed],
                    [one.history.run_id for one in closed],
                    [one.workflow_type for one in closed],
                    [closed_at(one.history) for one in closed],
                    [len(one.history.events) for one in closed],
                    [packed[one.movement_id].content for one in closed],
                    [packed[one.movement_id].sha256 for one in closed],
                ],
            )
            new = {row[0] for row in await cursor.fetchall()}
            await connection.execute(
                """SELECT movements.keep(tenant, movement)
                     FROM unnest(%s::int[], %s::uuid[]) k (tenant, movement)""",
                [tenants, ids],
            )
            told = [
                _exported(one.tenant_id, one.movement_id, one.history, packed[one.movement_id])
                for one in closed
                if one.movement_id in new
            ]
            if told:
                await append(connection, told)
        return len(new)

    async def find(self, tenant: int, movement: UUID) -> Kept | None:
        """Find a kept history by its movement."""
        async with scoped(self._pool, tenant) as connection:
            cursor = connection.cursor(row_factory=class_row(Kept))
            await cursor.execute(
                """SELECT tenant_id, movement_id, workflow_id, content, sha256
                     FROM histories.history WHERE tenant_id = %s AND movement_id = %s""",
                [tenant, movement],
            )
            return await cursor.fetchone()

    async def since(self, tenant: int, moment: datetime) -> AsyncIterator[Kept]:
        """Kept histories of movements minted since a moment, one at a time, the oldest first."""
        async for kept in self.between(tenant, first_of(moment), LAST):
            yield kept

    async def between(self, tenant: int, first: UUID, until: UUID) -> AsyncIterator[Kept]:
        """Kept histories of movements from an id on, below another, one at a time, in order.

        They are read page by page: whoever folds thousands takes longer than a statement may.
        """
        while True:
            async with scoped(self._pool, tenant) as connection:
                cursor = connection.cursor(row_factory=class_row(Kept))
                await cursor.execute(
                    """SELECT tenant_id, movement_id, workflow_id, content, sha256
                         FROM histories.history
                        WHERE tenant_id = %s AND movement_id >= %s AND movement_id < %s
                        ORDER BY movement_id LIMIT %s""",
                    [tenant, first, until, PAGE],
                )
                page = await cursor.fetchall()
            for kept in page:
                yield kept
            if len(page) < PAGE:
                return
            first = UUID(int=page[-1].movement_id.int + 1)

    async def lag(self, connection: AsyncConnection[Any]) -> timedelta:
        """How old the oldest movement is that has an outcome and no kept history."""
        cursor = await connection.execute(
            """SELECT now() - min(accepted_at) FROM movements.command
                WHERE NOT kept AND state IN ('posted', 'refused')"""
        )
        row = await cursor.fetchone()
        return row[0] if row and row[0] else timedelta(0)


def first_of(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment: what was minted since is not smaller."""
    milliseconds = max(0, int(moment.astimezone(UTC).timestamp() * 1000))
    return UUID(int=milliseconds << 80)


def _exported(tenant: int, movement: UUID, history: WorkflowHistory, packed: Packed) -> Event:
    return Event(
        tenant_id=tenant,
        id=mint(),
        aggregate="history",
        aggregate_id=movement,
        version=1,
        type=EXPORTED,
        actor="history_export",
        occurred_at=datetime.now(UTC),
        data={
            "movement": str(movement),
            "workflow_id": history.workflow_id,
            "run_id": history.run_id,
            "events": len(history.events),
            "sha256": packed.sha256.hex(),
            "timeline": timeline_of(history),
        },
    )
