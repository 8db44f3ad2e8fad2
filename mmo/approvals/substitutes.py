"""Substitutes: who may agree with whose roles while they are away."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.audit.postgres import append as note
from mmo.audit.record import Record
from mmo.kernel.envelope import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """One absence."""

    absent: str
    substitute: str
    since: datetime
    until: datetime

    def resource(self) -> dict[str, Any]:
        """How it looks."""
        return {
            "absent": self.absent,
            "substitute": self.substitute,
            "from": self.since.isoformat(),
            "to": self.until.isoformat(),
        }


async def of(connection: AsyncConnection[Any], tenant: int, subject: str) -> list[Substitute]:
    """Somebody's own absence, and those of whom they stand in for."""
    cursor = connection.cursor(row_factory=class_row(Substitute))
    await cursor.execute(
        """SELECT absent, substitute, since, until FROM approvals.substitute
            WHERE tenant_id = %s AND (absent = %s OR substitute = %s) ORDER BY absent""",
        [tenant, subject, subject],
    )
    return await cursor.fetchall()


async def name(connection: AsyncConnection[Any], tenant: int, named: Substitute, by: Actor) -> None:
    """Let somebody stand in; whoever was named before does so no more."""
    await connection.execute(
        """INSERT INTO approvals.substitute
           (tenant_id, absent, substitute, since, until, named_by)
           VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant_id, absent) DO UPDATE
              SET substitute = excluded.substitute, since = excluded.since,
                  until = excluded.until, named_by = excluded.named_by""",
        [tenant, named.absent, named.substitute, named.since, named.until, by.subject],
    )
    await _noted(connection, tenant, by, "named", named.substitute)


async def end(connection: AsyncConnection[Any], tenant: int, by: Actor) -> None:
    """Nobody stands in any more."""
    await connection.execute(
        "DELETE FROM approvals.substitute WHERE tenant_id = %s AND absent = %s",
        [tenant, by.subject],
    )
    await _noted(connection, tenant, by, "ended", "")


async def _noted(
    connection: AsyncConnection[Any], tenant: int, by: Actor, verb: str, reason: str
) -> None:
    await note(
        connection,
        Record(
            tenant_id=tenant, actor=by.subject, client=by.client, action=f"substitute.{verb}",
            object=f"user/{by.subject}", reason=reason or None,
        ),
    )  # fmt: skip
