"""Stuck movements: those whose process does not go on, as rows that staff can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]
Reason = Literal["task_fails", "ended", "paused", "overdue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckMovement:
    """One of them, since when, and how often it was mended since."""

    movement_id: UUID
    type: str
    state: str
    reason: Reason
    detail: str
    since: datetime
    mends: int
    mended_at: datetime | None


async def report(
    connection: Connection, tenant: int, movement: UUID, reason: Reason, detail: str
) -> bool:
    """Write down that it is stuck; true where it was not known before, or for another reason."""
    cursor = await connection.execute(
        """INSERT INTO movements.stuck AS s (tenant_id, movement_id, reason, detail)
           VALUES (%s, %s, %s, %s)
           ON CONFLICT (tenant_id, movement_id) DO UPDATE
              SET reason = excluded.reason, detail = excluded.detail
            WHERE s.reason <> excluded.reason""",
        [tenant, movement, reason, detail[:500]],
    )
    return cursor.rowcount == 1


async def count_mend(connection: Connection, tenant: int, movement: UUID) -> None:
    """Write down that it was mended just now; whether it helped is seen at the next look."""
    await connection.execute(
        """UPDATE movements.stuck SET mends = mends + 1, mended_at = now()
            WHERE tenant_id = %s AND movement_id = %s""",
        [tenant, movement],
    )


async def resolve(connection: Connection, tenant: int, movement: UUID) -> bool:
    """Forget it: it goes on, or has ended by itself. True where it was stuck."""
    cursor = await connection.execute(
        "DELETE FROM movements.stuck WHERE tenant_id = %s AND movement_id = %s", [tenant, movement]
    )
    return cursor.rowcount == 1


async def find_all(
    connection: Connection, tenant: int, movement: UUID | None = None, limit: int = 200
) -> Sequence[StuckMovement]:
    """Those of a tenant, the oldest first; or one of them."""
    cursor = connection.cursor(row_factory=class_row(StuckMovement))
    await cursor.execute(
        """SELECT s.movement_id, c.type, c.state, s.reason, s.detail, s.since, s.mends, s.mended_at
             FROM movements.stuck s
             JOIN movements.command c USING (tenant_id, movement_id)
            WHERE s.tenant_id = %(tenant)s
              AND (%(movement)s::uuid IS NULL OR s.movement_id = %(movement)s)
            ORDER BY s.since, s.movement_id LIMIT %(limit)s""",
        {"tenant": tenant, "movement": movement, "limit": limit},
    )
    return await cursor.fetchall()
