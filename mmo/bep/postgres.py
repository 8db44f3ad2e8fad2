"""Rules in Postgres: the snapshot of each tenant, held in memory until its version is another."""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mmo.bep.catalogue import Catalogue
from mmo.bep.event import Phase
from mmo.bep.registry import processors
from mmo.bep.snapshot import EMPTY, Snapshot, Stored, compiled

Pool = AsyncConnectionPool[Any]


class Snapshots:
    """The compiled rules of all tenants. Reading is rare: a version is read once by a process."""

    def __init__(self, pool: Pool, catalogue: Catalogue) -> None:
        self._pool = pool
        self._catalogue = catalogue
        self._kept: dict[int, Snapshot] = {}

    def held(self, tenant: int) -> Snapshot:
        """What this process holds; without rules, and of version 0, where it has read none."""
        return self._kept.get(tenant, EMPTY)

    async def at_least(
        self, tenant: int, version: int, connection: AsyncConnection[Any] | None = None
    ) -> Snapshot:
        """The rules of a version, or of a later one. Raises psycopg.OperationalError.

        `connection`: of whoever has one at hand, who should not wait for another.
        """
        if tenant not in self._kept or self._kept[tenant].version < version:
            await self.read(tenant, connection)
        return self._kept[tenant]

    async def read(self, tenant: int, connection: AsyncConnection[Any] | None = None) -> Snapshot:
        """Read and compile the rules as they are now."""
        async with nullcontext(connection) if connection else self._pool.connection() as reading:
            cursor = await reading.execute("SELECT bep.rules(%s)", [tenant])
            row = await cursor.fetchone()
        told: Mapping[str, Any] = (row and row[0]) or {"version": 0, "rules": []}
        snapshot = compiled(
            told["version"],
            (stored(one) for one in told["rules"]),
            processors(),
            self._catalogue.kinds,
        )
        if self.held(tenant).version <= snapshot.version:
            self._kept[tenant] = snapshot
        return snapshot


def stored(row: Mapping[str, Any]) -> Stored:
    """A rule as `bep.rules` tells it."""
    return Stored(
        definition=row["definition"],
        version=row["version"],
        event=row["event"],
        phase=Phase(row["phase"]),
        product=row["product"],
        processor=row["processor"],
        mode=row["mode"],
        metadata=row["metadata"],
        since=_moment(row["since"]),
        until=_moment(row["until"]),
    )


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
