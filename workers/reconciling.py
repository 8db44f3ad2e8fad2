"""What the activities of reconciliations do: kept histories folded, and held against the books."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool
from temporalio import activity

from activities.reconciliations import Asked, Found, Slice
from mmo.books.deriving import DERIVED
from mmo.histories import reconciling
from mmo.histories.compare import differences
from mmo.histories.fold import fold
from mmo.histories.opening import opened
from mmo.histories.postgres import Archive, Kept
from mmo.histories.reconciling import Break, Reconciliation, Tally
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from mmo.trials.parts import part as part_of
from mmo.trials.parts import parts_of
from workers.replaying import UNREADABLE
from workers.wiring import TenantClients

BEAT_EVERY = 50
"""Histories between two signs of life."""


class Reconciling:
    """Carries reconciliations out."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], tenants: TenantRegister, clients: TenantClients,
        alive: Callable[[], None] = activity.heartbeat,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._tenants = tenants
        self._clients = clients
        self._alive = alive

    async def parts(self, asked: Asked) -> int:
        """Into how many parts the movements are cut. Raises LookupError where there is no row."""
        found = await self._find(asked)
        return parts_of(found.since, found.until)

    async def check(self, part: Slice) -> dict[str, Any]:
        """Hold the movements of a part against each other."""
        asked, found = part.asked, await self._find(part.asked)
        count = parts_of(found.since, found.until)
        first, until = part_of(found.since, found.until, count, part.number)
        async with scoped(self._pool, asked.tenant_id) as connection:
            tally = await reconciling.sides(
                connection, asked.tenant_id, first, until, sorted(DERIVED)
            )
        tenant = next(one for one in await self._tenants.all() if one.id == asked.tenant_id)
        async for kept in Archive(self._pool).between(asked.tenant_id, first, until):
            tally.histories += 1
            tally.note(await self._compared(tenant, kept))
            if tally.histories % BEAT_EVERY == 0:
                self._alive()
        return tally.row()

    async def finish(self, found: Found) -> None:
        """Put the parts together, and keep the result."""
        asked, whole = found.asked, Tally()
        for row in found.parts:
            whole.add(Tally.of(row))
        result = whole.row() if found.parts else None
        async with scoped(self._pool, asked.tenant_id) as connection:
            await reconciling.finish(connection, asked.tenant_id, UUID(asked.id), result)

    async def _compared(self, tenant: Tenant, kept: Kept) -> list[Break]:
        movement = str(kept.movement_id)
        try:
            history = await opened(kept.history(), self._clients.codec(tenant))
            folded = fold(history)
        except UNREADABLE as error:
            return [Break(movement=movement, what=f"its history cannot be read: {error}")]
        async with scoped(self._pool, tenant.id) as connection:
            told = await differences(connection, folded)
        return [Break(movement=movement, what=one) for one in told]

    async def _find(self, asked: Asked) -> Reconciliation:
        async with scoped(self._pool, asked.tenant_id) as connection:
            found = await reconciling.find(connection, asked.tenant_id, UUID(asked.id))
        if found is None:
            raise LookupError(f"there is no reconciliation {asked.id}")
        return found
