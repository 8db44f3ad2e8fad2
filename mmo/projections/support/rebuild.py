"""Rebuilding: a shadow of every read model is filled anew, compared, and put in its place.

The system goes on meanwhile: pages are folded in transactions of their own, and only the last one,
which compares and swaps, makes the projector wait.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg_pool import AsyncConnectionPool

from mmo.messaging.postgres import lock_position, position_of, read_feed
from mmo.projections.support.projector import CONSUMER, TABLES, fold

SHADOW = "projections_shadow"
DIFFERENCES_MAX = 20
"""Differing rows that the report shows of each table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One read model before and after: how many rows, and which differ."""

    table: str
    rows: int
    differences: int
    examples: tuple[str, ...]


async def rebuild(
    pool: AsyncConnectionPool[Any], progress: Callable[[int, int], None]
) -> list[Compared]:
    """Rebuild all read models; `progress` hears position and goal. Safe to repeat after a crash."""
    async with pool.connection() as connection:
        await _make_shadow(connection)
        position = 0
        goal = await position_of(connection, CONSUMER)
        while True:
            async with connection.transaction():
                events = await read_feed(connection, position, until=goal)
                if events:
                    await fold(connection, events, SHADOW)
                    position = events[-1].xid
            progress(position, goal)
            if not events:
                break
        async with connection.transaction():
            return await _finish(connection, position)


async def _make_shadow(connection: AsyncConnection[Any]) -> None:
    async with connection.transaction():
        for table in TABLES:
            await connection.execute("SELECT projections.make_shadow(%s)", [table])


async def _finish(connection: AsyncConnection[Any], position: int) -> list[Compared]:
    """Hold the projector, fold what came meanwhile, compare row by row, and swap."""
    goal = await lock_position(connection, CONSUMER)
    while events := await read_feed(connection, position, until=goal):
        await fold(connection, events, SHADOW)
        position = events[-1].xid
    compared = [await _compare(connection, table) for table in TABLES]
    for table in TABLES:
        for statement in (
            "DROP TABLE projections.{0}",
            "ALTER TABLE projections_shadow.{0} SET SCHEMA projections",
        ):
            await connection.execute(sql.SQL(statement).format(sql.Identifier(table)))
    return compared


async def _compare(connection: AsyncConnection[Any], table: str) -> Compared:
    query = sql.SQL(
        """WITH gone AS (TABLE projections.{0} EXCEPT TABLE projections_shadow.{0}),
                came AS (TABLE projections_shadow.{0} EXCEPT TABLE projections.{0}),
                differing AS (SELECT 'before' AS side, to_jsonb(gone)::text AS row FROM gone
                              UNION ALL SELECT 'after', to_jsonb(came)::text FROM came)
           SELECT (SELECT count(*) FROM projections_shadow.{0}),
                  (SELECT count(*) FROM differing),
                  (SELECT array_agg(side || ' ' || row) FROM (SELECT * FROM differing LIMIT %s)
                  d)"""
    ).format(sql.Identifier(table))
    cursor = await connection.execute(query, [DIFFERENCES_MAX])
    row = await cursor.fetchone()
    assert row is not None
    return Compared(table=table, rows=row[0], differences=row[1], examples=tuple(row[2] or ()))
