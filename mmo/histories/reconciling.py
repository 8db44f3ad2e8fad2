"""Histories, journal and events of a span, held against each other: what one lacks, others tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]
BREAKS_MAX = 50
"""Breaks that a result names; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Something that does not fit."""

    movement: str
    what: str

    def row(self) -> dict[str, str]:
        return {"movement": self.movement, "what": self.what}


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was held against each other, and what broke."""

    histories: int = 0
    """Closed and kept: each was folded, and held against journal and read model."""
    open: int = 0
    """Movements of the span whose workflows have not ended, or are not kept yet."""
    journals: int = 0
    events: int = 0
    broken: int = 0
    breaks: list[Break] = field(default_factory=list[Break])

    def note(self, found: Sequence[Break]) -> None:
        """Count breaks, and name the first ones."""
        self.broken += len(found)
        self.breaks = [*self.breaks, *found][:BREAKS_MAX]

    def add(self, other: "Tally") -> None:
        """Count what another has counted."""
        self.histories += other.histories
        self.open += other.open
        self.journals += other.journals
        self.events += other.events
        self.broken += other.broken
        self.breaks = [*self.breaks, *other.breaks][:BREAKS_MAX]

    def row(self) -> dict[str, Any]:
        return {
            "histories": self.histories,
            "open": self.open,
            "journals": self.journals,
            "events": self.events,
            "broken": self.broken,
            "breaks": [one.row() for one in self.breaks],
        }

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Tally":
        """Read what `row` wrote."""
        return cls(
            histories=row["histories"],
            open=row["open"],
            journals=row["journals"],
            events=row["events"],
            broken=row["broken"],
            breaks=[Break(**one) for one in row["breaks"]],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A reconciliation as it stands."""

    id: UUID
    since: datetime
    until: datetime
    state: str
    result: Mapping[str, Any] | None
    made_by: str
    made_at: datetime
    ended_at: datetime | None


async def keep(
    connection: Connection, tenant: int, identifier: UUID, since: datetime, until: datetime, by: str
) -> None:
    """Write down what is to be reconciled."""
    await connection.execute(
        """INSERT INTO histories.reconciliation (tenant_id, id, since, until, made_by)
           VALUES (%s, %s, %s, %s, %s)""",
        [tenant, identifier, since, until, by],
    )


async def find(connection: Connection, tenant: int, identifier: UUID) -> Reconciliation | None:
    """A reconciliation; None where the tenant has none of that id."""
    cursor = connection.cursor(row_factory=class_row(Reconciliation))
    await cursor.execute(
        """SELECT id, since, until, state, result, made_by, made_at, ended_at
             FROM histories.reconciliation WHERE tenant_id = %s AND id = %s""",
        [tenant, identifier],
    )
    return await cursor.fetchone()


async def running(connection: Connection, tenant: int) -> int:
    """How many reconciliations of the tenant are under way."""
    cursor = await connection.execute(
        """SELECT count(*) FROM histories.reconciliation
            WHERE tenant_id = %s AND state = 'running'""",
        [tenant],
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def finish(
    connection: Connection, tenant: int, identifier: UUID, result: Mapping[str, Any] | None
) -> None:
    """Keep the result, or that there is none; the first one stays."""
    await connection.execute(
        """UPDATE histories.reconciliation
              SET state = CASE WHEN %(result)s::jsonb IS NULL THEN 'failed' ELSE 'done' END,
                  result = %(result)s, ended_at = now()
            WHERE tenant_id = %(tenant)s AND id = %(id)s AND state = 'running'""",
        {"tenant": tenant, "id": identifier, "result": Jsonb(result) if result else None},
    )


async def sides(
    connection: Connection, tenant: int, first: UUID, until: UUID, derived: Sequence[str]
) -> Tally:
    """Journal against events, request by request, and journals against histories.

    `derived`: codes of journals that no workflow has asked for.
    """
    about = {"tenant": tenant, "first": first, "until": until, "derived": list(derived)}
    tally = Tally()
    cursor = await connection.execute(_COUNTS, about)
    row = await cursor.fetchone()
    assert row is not None
    tally.journals, tally.events, tally.open = row
    cursor = await connection.execute(_BROKEN, about)
    tally.note([Break(movement=str(txn), what=what) for txn, what in await cursor.fetchall()])
    return tally


_COUNTS = """
    SELECT (SELECT count(*) FROM ledger.journal
             WHERE tenant_id = %(tenant)s AND txn >= %(first)s AND txn < %(until)s
               AND code <> ALL (%(derived)s)),
           (SELECT count(*) FROM messaging.event
             WHERE tenant_id = %(tenant)s AND aggregate = 'movement'
               AND aggregate_id >= %(first)s AND aggregate_id < %(until)s),
           (SELECT count(*) FROM movements.command
             WHERE tenant_id = %(tenant)s AND movement_id >= %(first)s AND movement_id < %(until)s
               AND NOT kept)"""

_BROKEN = """
    WITH journal AS (
        SELECT txn, step FROM ledger.journal
         WHERE tenant_id = %(tenant)s AND txn >= %(first)s AND txn < %(until)s
           AND code <> ALL (%(derived)s)),
    event AS (
        SELECT aggregate_id AS txn, version AS step FROM messaging.event
         WHERE tenant_id = %(tenant)s AND aggregate = 'movement'
           AND aggregate_id >= %(first)s AND aggregate_id < %(until)s),
    command AS (
        SELECT movement_id AS txn, kept FROM movements.command
         WHERE tenant_id = %(tenant)s AND movement_id >= %(first)s AND movement_id < %(until)s),
    history AS (
        SELECT movement_id AS txn FROM histories.history
         WHERE tenant_id = %(tenant)s AND movement_id >= %(first)s AND movement_id < %(until)s)
    SELECT j.txn, 'step ' || j.step || ' is in the journal, and no event tells it'
      FROM journal j LEFT JOIN event e USING (txn, step) WHERE e.txn IS NULL
    UNION ALL
    SELECT e.txn, 'an event tells step ' || e.step || ', which is not in the journal'
      FROM event e LEFT JOIN journal j USING (txn, step) WHERE j.txn IS NULL
    UNION ALL
    SELECT DISTINCT j.txn, 'the journal has it, and nobody asked for it'
      FROM journal j LEFT JOIN command c USING (txn) WHERE c.txn IS NULL
    UNION ALL
    SELECT c.txn, 'its workflow has ended, and its history is not kept'
      FROM command c LEFT JOIN history h USING (txn) WHERE c.kept AND h.txn IS NULL
    UNION ALL
    SELECT h.txn, 'a history is kept of what nobody asked for'
      FROM history h LEFT JOIN command c USING (txn) WHERE c.txn IS NULL
    ORDER BY 1"""
