"""Refolding: every aggregate from its first event on, held against its row."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mmo.changes.parties import PARTY
from mmo.changes.support.aggregates import Aggregate
from mmo.changes.wallets import WALLET

EXAMPLES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Refolded:
    """How many aggregates of a kind were refolded, and which rows were not their fold."""

    aggregate: str
    rows: int
    differences: int
    examples: tuple[str, ...]


async def refold_wallets(pool: AsyncConnectionPool[Any]) -> Refolded:
    """Refold every wallet; a row that is not the fold is written anew. Safe to repeat."""
    return await _refold_all(pool, WALLET)


async def refold_parties(pool: AsyncConnectionPool[Any]) -> Refolded:
    """Refold every party likewise."""
    return await _refold_all(pool, PARTY)


async def _refold_all(pool: AsyncConnectionPool[Any], aggregate: Aggregate[Any]) -> Refolded:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            """SELECT DISTINCT tenant_id, aggregate_id FROM messaging.event
                WHERE aggregate = %s ORDER BY 1, 2""",
            [aggregate.name],
        )
        known = await cursor.fetchall()
        examples: list[str] = []
        for tenant, identifier in known:
            if difference := await _refold(connection, aggregate, tenant, identifier):
                examples.append(difference)
    return Refolded(
        aggregate=aggregate.name,
        rows=len(known),
        differences=len(examples),
        examples=tuple(examples[:EXAMPLES_MAX]),
    )


async def _refold(
    connection: AsyncConnection[Any], aggregate: Aggregate[Any], tenant: int, identifier: UUID
) -> str | None:
    """Compare and mend one, with other changes of it kept out; tell the difference."""
    async with connection.transaction():
        row = await aggregate.lock(connection, tenant, identifier)
        folded = await aggregate.as_of(connection, tenant, identifier)
        assert folded is not None
        if row == folded:
            return None
        await aggregate.replace(connection, tenant, folded)
    before = asdict(row) if row else {}
    changed = [name for name, value in asdict(folded).items() if before.get(name) != value]
    return f"tenant {tenant}, {identifier}: {', '.join(changed)}"
