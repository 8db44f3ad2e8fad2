"""What a process holds of each tenant in memory until the tenant's version of it is another."""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import Any, Generic, Protocol, TypeVar

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Pool = AsyncConnectionPool[Any]


class OfVersion(Protocol):
    """Anything that was read at one version of the tenant's rules."""

    @property
    def version(self) -> int:
        """The tenant's `rules_version` that it was read at."""
        ...


T = TypeVar("T", bound=OfVersion)


class Versioned(ABC, Generic[T]):
    """Something compiled, of all tenants. Reading is rare: a process reads a version once."""

    def __init__(self, pool: Pool, empty: T) -> None:
        self._pool = pool
        self._empty = empty
        self._kept: dict[int, T] = {}

    def held(self, tenant: int) -> T:
        """What this process holds; the empty one, of version 0, where it has read none."""
        return self._kept.get(tenant, self._empty)

    async def at_least(
        self, tenant: int, version: int, connection: AsyncConnection[Any] | None = None
    ) -> T:
        """What there is at a version, or at a later one. Raises psycopg.OperationalError.

        `connection`: of whoever has one at hand, who should not wait for another.
        """
        if tenant not in self._kept or self._kept[tenant].version < version:
            await self.read(tenant, connection)
        return self._kept[tenant]

    async def read(self, tenant: int, connection: AsyncConnection[Any] | None = None) -> T:
        """Read and compile what there is now."""
        async with nullcontext(connection) if connection else self._pool.connection() as reading:
            found = await self._read(reading, tenant)
        if self.held(tenant).version <= found.version:
            self._kept[tenant] = found
        return found

    @abstractmethod
    async def _read(self, connection: AsyncConnection[Any], tenant: int) -> T:
        """Read it with its version, in one statement, so that the two fit."""
