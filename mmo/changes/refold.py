"""Refolding: every wallet from its first event on, held against its row."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mmo.changes.wallets import refold
from mmo.messaging.postgres import history_of
from mmo.wallets import postgres as wallets
from mmo.wallets.wallet import Wallet

EXAMPLES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Refolded:
    """How many wallets were refolded, and which rows were not their fold."""

    wallets: int
    differences: int
    examples: tuple[str, ...]


async def refold_wallets(pool: AsyncConnectionPool[Any]) -> Refolded:
    """Refold every wallet; a row that is not the fold is written anew. Safe to repeat."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            """SELECT DISTINCT tenant_id, aggregate_id FROM messaging.event
                WHERE aggregate = 'wallet' ORDER BY 1, 2"""
        )
        known = await cursor.fetchall()
        examples: list[str] = []
        for tenant, identifier in known:
            if difference := await _refold(connection, tenant, identifier):
                examples.append(difference)
    return Refolded(
        wallets=len(known), differences=len(examples), examples=tuple(examples[:EXAMPLES_MAX])
    )


async def _refold(connection: AsyncConnection[Any], tenant: int, identifier: UUID) -> str | None:
    """Compare and mend one wallet, with other changes of it kept out; tell the difference."""
    async with connection.transaction():
        row = await wallets.lock(connection, tenant, identifier)
        folded: Wallet | None = None
        for event in await history_of(connection, tenant, "wallet", identifier):
            folded = refold(folded, event)
        assert folded is not None
        if row == folded:
            return None
        await wallets.replace(connection, tenant, folded)
    before = asdict(row) if row else {}
    changed = [name for name, value in asdict(folded).items() if before.get(name) != value]
    return f"tenant {tenant}, {identifier}: {', '.join(changed)}"
