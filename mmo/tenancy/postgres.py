"""The register of tenants, in Postgres."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from mmo.tenancy.tenant import Tenant

REFRESH_S = 5.0
"""How old the register in memory may be: a new or suspended tenant is known after that."""
CHANNEL = "mmo_tenancy"
RECONNECT_S = 1.0

_log = structlog.get_logger()


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

    async def numbered(self, numbers: Iterable[int]) -> dict[int, Tenant]:
        """Number → tenant, with these in it: one that is not known is looked for at once."""
        found = {int(tenant.id): tenant for tenant in await self.all()}
        if not set(numbers) <= found.keys():
            self.forget()
            found = {int(tenant.id): tenant for tenant in await self.all()}
        return found

    async def run(self, dsn: str) -> None:
        """Read anew whenever a tenant is opened, suspended or resumed, until cancelled."""
        while True:
            with contextlib.suppress(psycopg.OperationalError, OSError):
                async with await psycopg.AsyncConnection.connect(
                    dsn, autocommit=True
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.forget()
                    async for _ in connection.notifies():
                        self.forget()
            _log.warning("tenants.database_away")
            await asyncio.sleep(RECONNECT_S)

    def forget(self) -> None:
        """Read the register anew at its next use."""
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
