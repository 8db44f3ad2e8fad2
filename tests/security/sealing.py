"""An operator with an audit, a journal and seals, for the tests of what seals show."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.audit.sealer import Sealer
from mmo.audit.verify import Finding, verify
from mmo.keys.development import DevelopmentKeys
from mmo.keys.ports import PLATFORM, Purpose
from tests.servers.postgres import Database
from workers.seals import proving, signing
from workers.wiring import open_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A database with a sealer, and what a test does to it."""

    database: Database
    pool: AsyncConnectionPool[Any]
    sealers: AsyncConnectionPool[Any]
    keys: DevelopmentKeys

    def sealer(self, page: int = 2000) -> Sealer:
        return Sealer(self.sealers, signing(self.keys), page)

    async def seal(self, page: int = 2000) -> None:
        """Seal everything that is there, once the horizon has passed it."""
        sealer = self.sealer(page)
        with psycopg.connect(self.database.admin, autocommit=True) as admin:
            for _ in range(2000):
                behind = admin.execute(
                    """SELECT count(*) FROM audit.record
                        WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"""
                ).fetchone()
                if behind != (0,):  # else what is meant to be one seal could become two
                    await asyncio.sleep(0.01)
                    continue
                await sealer.round()
                left = admin.execute(
                    """SELECT (SELECT count(*) FROM audit.record r WHERE xid > coalesce(
                                 (SELECT xid FROM audit.sealed_to WHERE stream = 'audit'), 0))
                            + (SELECT count(*) FROM ledger.journal WHERE xid > coalesce(
                                 (SELECT xid FROM audit.sealed_to WHERE stream = 'journal'), 0))"""
                ).fetchone()
                if left == (0,):
                    return
        raise AssertionError("a transaction that does not end keeps rows from being sealed")

    async def note(self, number: int, tenant: int = 1) -> None:
        await AuditLog(self.pool).note(
            Record(
                tenant_id=tenant,
                actor="clerk",
                client="tests",
                action="wallet.freeze",
                object=f"wallet/{number}",
            )
        )

    def tamper(self, *statements: str) -> None:
        """Do as a superuser with the triggers off."""
        with psycopg.connect(self.database.admin) as admin:
            admin.execute("SET session_replication_role = replica")
            for statement in statements:
                assert admin.execute(statement.encode()).rowcount != 0, statement

    def verify(self, tenants: list[int] | None = None) -> dict[tuple[int, str], Finding]:
        keys = [
            key.jwk for key in self.keys.trusted().values()
            if (key.tenant, key.purpose) == (PLATFORM, Purpose.AUDIT)
        ]  # fmt: skip
        with psycopg.connect(self.database.dsn("mmo_background"), autocommit=True) as connection:
            found = verify(connection, proving(keys), tenants)
        return {(one.tenant_id, one.stream): one for one in found}


@asynccontextmanager
async def sealing(database: Database, folder: Path) -> AsyncGenerator[Sealed]:
    """A sealer on a fresh database."""
    keys = DevelopmentKeys(folder)
    keys.make(PLATFORM)
    async with (
        open_pool(database.settings("mmo_front")) as pool,
        open_pool(database.settings("mmo_sealer")) as sealers,
    ):
        yield Sealed(database=database, pool=pool, sealers=sealers, keys=keys)
