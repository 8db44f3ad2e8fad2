"""The register of tenants, in Postgres."""

import time
from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from mmo.database.listening import notified
from mmo.tenancy.tenant import Tenant

REFRESH_S = 5.0
"""How old the register in memory may be: a new or suspended tenant is known after that."""
CHANNEL = "mmo_tenancy"


class TenantRegister:
    """All tenants, read from the database at most every few seconds."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool
        self._by_slug: dict[str, Tenant] = {}
        self._read_at = -REFRESH_S
        self._changes = 0

    @property
    def stale(self) -> bool:
        """Whether the register is read anew at its next use."""
        return time.monotonic() - self._read_at >= REFRESH_S

    async def all(self) -> list[Tenant]:
        """Every tenant, by number."""
        if self.stale:
            changes, began = self._changes, time.monotonic()
            async with self._pool.connection() as connection:
                cursor = connection.cursor(row_factory=class_row(Tenant))
                await cursor.execute(
                    """SELECT id, slug, name, timezone, currencies, country, kind, state
                         FROM tenancy.tenant ORDER BY id"""
                )
                self._by_slug = {tenant.slug: tenant async for tenant in cursor}
            if changes == self._changes:  # else it may be from before the change
                self._read_at = began
        return list(self._by_slug.values())

    async def numbered(self, numbers: Iterable[int]) -> dict[int, Tenant]:
        """Number → tenant, with these in it: one that is not known is looked for at once."""
        found = {int(tenant.id): tenant for tenant in await self.all()}
        if not set(numbers) <= found.keys():
            self.forget()
            found = {int(tenant.id): tenant for tenant in await self.all()}
        return found

    async def run(self, dsn: str) -> None:
        """Read anew whenever a tenant is opened, suspended or resumed, until cancelled."""
        async for _ in notified(dsn, CHANNEL):
            self.forget()

    def forget(self) -> None:
        """Read the register anew at its next use."""
        self._changes += 1
        self._read_at = -REFRESH_S

    async def find(self, slug: str) -> Tenant | None:
        """The tenant of that slug, or None."""
        await self.all()
        return self._by_slug.get(slug)


async def set_state(connection: AsyncConnection[Any], slug: str, state: str) -> bool:
    """Suspend or resume an operator, in a transaction of a super-tenant's. False: no such one.

    Raises psycopg.errors.InsufficientPrivilege for whoever is no super-tenant.
    """
    cursor = await connection.execute("SELECT tenancy.set_state(%s, %s)", [slug, state])
    return await cursor.fetchone() == (True,)
