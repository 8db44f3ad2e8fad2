"""Trials in Postgres: back-tests as they are kept, recorded decisions, and versions of rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mmo.bep.postgres import stored
from mmo.bep.snapshot import Stored
from mmo.tenancy.scope import scoped
from mmo.trials.redeciding import Record

PAGE = 500
"""Records that are read at once."""

Connection = AsyncConnection[Any]
_COLUMNS = """id, rules, tariffs, since, until, types, state, parts, parts_done, decisions,
              result, effort, made_by, made_at, ended_at"""
_RECORDS = "SELECT txn, step, first, refusal, meta FROM trials.records(%s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A back-test as it stands."""

    id: UUID
    rules: Sequence[Mapping[str, Any]]
    tariffs: Sequence[Mapping[str, Any]]
    since: datetime
    until: datetime
    types: Sequence[str]
    state: str
    parts: int
    parts_done: int
    decisions: int
    result: Mapping[str, Any] | None
    effort: Mapping[str, Any] | None
    made_by: str
    made_at: datetime
    ended_at: datetime | None


async def keep(
    connection: Connection, tenant: int, identifier: UUID, *, rules: Sequence[Mapping[str, Any]],
    since: datetime, until: datetime, types: Sequence[str], parts: int, by: str,
    tariffs: Sequence[Mapping[str, Any]] = (),
) -> None:  # fmt: skip
    """Write down what is to be tried."""
    await connection.execute(
        """INSERT INTO trials.backtest
           (tenant_id, id, rules, tariffs, since, until, types, parts, made_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant,
            identifier,
            Jsonb(rules),
            Jsonb(list(tariffs)),
            since,
            until,
            list(types),
            parts,
            by,
        ],
    )


async def find(connection: Connection, tenant: int, identifier: UUID) -> Backtest | None:
    """A back-test; None where the tenant has none of that id."""
    cursor = connection.cursor(row_factory=class_row(Backtest))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM trials.backtest WHERE tenant_id = %s AND id = %s",  # noqa: S608
        [tenant, identifier],
    )
    return await cursor.fetchone()


async def progressed(
    connection: Connection, tenant: int, identifier: UUID, parts: int, decisions: int
) -> None:
    """Say how far it is; safe to repeat."""
    await connection.execute(
        """UPDATE trials.backtest SET parts_done = %s, decisions = %s
            WHERE tenant_id = %s AND id = %s AND state = 'running' AND parts_done <= %s""",
        [parts, decisions, tenant, identifier, parts],
    )


async def finished(
    connection: Connection, tenant: int, identifier: UUID, result: Mapping[str, Any] | None,
    effort: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """Keep the result, or that there is none; the first one stays."""
    await connection.execute(
        """UPDATE trials.backtest
              SET state = CASE WHEN %(result)s::jsonb IS NULL THEN 'failed' ELSE 'done' END,
                  result = %(result)s, effort = %(effort)s, ended_at = now()
            WHERE tenant_id = %(tenant)s AND id = %(id)s AND state = 'running'""",
        {"tenant": tenant, "id": identifier, "result": Jsonb(result) if result else None,
         "effort": Jsonb(effort) if effort else None},
    )  # fmt: skip


async def versions(
    connection: Connection, tenant: int, named: Iterable[tuple[str, int]]
) -> list[Stored]:
    """These versions of definitions, whatever has become of them since; all in one read."""
    asked = sorted(named)
    cursor = await connection.execute(
        """SELECT jsonb_build_object(
                      'definition', d.id, 'version', v.number, 'event', d.event,
                      'phase', d.phase, 'product', d.product, 'processor', d.processor,
                      'mode', 'binding', 'metadata', v.metadata, 'since', v.since,
                      'until', v.until)
             FROM unnest(%s::uuid[], %s::int[]) asked (definition, number)
             JOIN bep.definition d ON d.tenant_id = %s AND d.id = asked.definition
             JOIN bep.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id
              AND v.number = asked.number""",
        [[UUID(one) for one, _ in asked], [number for _, number in asked], tenant],
    )
    return [stored(row) for (row,) in await cursor.fetchall()]


async def in_force(connection: Connection, tenant: int) -> list[Stored]:
    """The rules in force now, those that are asked before their events, or after them."""
    cursor = await connection.execute("SELECT bep.rules(%s)", [tenant])
    row = await cursor.fetchone()
    told: Mapping[str, Any] = (row and row[0]) or {"rules": []}
    return [stored(one) for one in told["rules"]]


async def running(connection: Connection, tenant: int) -> int:
    """How many back-tests of the tenant are under way."""
    cursor = await connection.execute(
        "SELECT count(*) FROM trials.backtest WHERE tenant_id = %s AND state = 'running'", [tenant]
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


class Records:
    """Recorded decisions of one tenant, read by the login that can read nothing else."""

    def __init__(self, pool: AsyncConnectionPool[Any], page: int = PAGE) -> None:
        self._pool = pool
        self._page = page

    async def read(
        self, tenant: int, after: tuple[UUID, int], until: UUID, types: Sequence[str]
    ) -> list[Record]:
        """The next page after a movement and step; empty at the end."""
        async with scoped(self._pool, tenant) as connection:
            cursor = await connection.execute(
                _RECORDS, [*after, until, list(types), self._page], prepare=True
            )
            rows = await cursor.fetchall()
        return [
            Record(
                movement=str(txn), step=step, first=first, refusal=refusal, meta=orjson.loads(meta)
            )
            for txn, step, first, refusal, meta in rows
        ]
