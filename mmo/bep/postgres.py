"""Rules in Postgres: the snapshot of each tenant, held in memory until its version is another."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from mmo.bep.catalogue import Catalogue
from mmo.bep.event import Phase
from mmo.bep.registry import processors
from mmo.bep.snapshot import EMPTY, Snapshot, Stored, compiled
from mmo.tenancy.versioned import Pool, Versioned


class Snapshots(Versioned[Snapshot]):
    """The compiled rules of all tenants."""

    def __init__(self, pool: Pool, catalogue: Catalogue) -> None:
        super().__init__(pool, EMPTY)
        self._catalogue = catalogue

    async def _read(self, connection: AsyncConnection[Any], tenant: int) -> Snapshot:
        cursor = await connection.execute("SELECT bep.rules(%s)", [tenant])
        row = await cursor.fetchone()
        told: Mapping[str, Any] = (row and row[0]) or {"version": 0, "rules": []}
        return compiled(
            told["version"],
            (stored(one) for one in told["rules"]),
            processors(),
            self._catalogue.kinds,
        )


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
