"""The register of tenants, in Postgres."""

import time

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from mmo.tenancy.tenant import Tenant

REFRESH_S = 5.0
"""How old the register in memory may be: a new or suspended tenant is known after that."""


class TenantRegister:
    """All tenants, read from the database at most every few seconds."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool
        self._by_slug: dict[str, Tenant] = {}
        self._read_at = -REFRESH_S

    async def all(self) -> list[Tenant]:
        """Every tenant, by number."""
        if time.monotonic() - self._read_at >= REFRESH_S:
            async with self._pool.connection() as connection:
                cursor = connection.cursor(row_factory=class_row(Tenant))
                await cursor.execute(
                    """SELECT id, slug, name, timezone, currencies, country, kind, state
                         FROM tenancy.tenant ORDER BY id"""
                )
                self._by_slug = {tenant.slug: tenant async for tenant in cursor}
            self._read_at = time.monotonic()
        return list(self._by_slug.values())

    async def find(self, slug: str) -> Tenant | None:
        """The tenant of that slug, or None."""
        await self.all()
        return self._by_slug.get(slug)
