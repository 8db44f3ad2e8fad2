"""Two tenants whose people have the same numbers, in one database, and the API's own user."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from mmo.changes.wallets import Changed, NewWallet, WalletChanges
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import TenantId, mint
from mmo.kernel.refusals import Refused
from mmo.movements.support.commands import CommandRow, Commands, fingerprint_of
from mmo.tenancy.tenant import Tenant
from mmo.wallets.personal import Sealed
from tests.servers.postgres import Database
from workers.tenants import open_books
from workers.wiring import open_pool

A, B = (
    Tenant(id=TenantId(n), slug=s, name=s, timezone="Africa/Nairobi", currencies=("KES",))
    for n, s in ((1, "demo"), (2, "demo2"))
)
ALICE = UUID("018f0000-0000-7000-8000-00000000a11c")
"""Alice's wallet has the same id and the same number in both tenants."""
MSISDN = "+254700000001"
CLERK = Actor(subject="clerk", client="tests")


def index(msisdn: str) -> str:
    """What stands for a number where no key is at hand."""
    return sha256(msisdn.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """Both tenants, as a process of the API sees them."""

    database: Database
    pool: AsyncConnectionPool[Any]

    @property
    def changes(self) -> WalletChanges:
        return WalletChanges(self.pool, lambda: None)

    @property
    def commands(self) -> Commands:
        return Commands(self.pool)

    async def open(self, tenant: Tenant, msisdn: str = MSISDN, identifier: UUID = ALICE) -> Any:
        """Open a customer's wallet."""
        person = Sealed(
            msisdn=f"enc:v1:{msisdn}", name=f"enc:v1:Alice of {tenant.slug}", alias=index(msisdn)
        )
        new = NewWallet(kind="customer", currency="KES", person=person, owner="alice")
        return await self.changes.open(tenant.id, identifier, new, CLERK)

    async def accept(self, tenant: Tenant, key: str, value: str = "1") -> tuple[CommandRow, bool]:
        """Accept a command under a key of the same client."""
        body = {"amount": {"value": value, "currency": "KES"}, "sender": str(ALICE)}
        row = CommandRow(
            movement_id=mint(), tenant_id=tenant.id, type="p2p-transfer", body=body, note=None,
            actor="alice", client="app/alice", granted=[], summary="", state="accepted",
            accepted_at=datetime.now(UTC), outcome=None,
            fingerprint=fingerprint_of("p2p-transfer", body, None),
        )  # fmt: skip
        return await self.commands.accept(row, key)

    @contextmanager
    def as_front(self, tenant: int | None) -> Iterator[psycopg.Connection[Any]]:
        """A transaction of the API's user, with that tenant; rolled back at the end."""
        with psycopg.connect(self.database.dsn("mmo_front")) as connection:
            if tenant is not None:
                connection.execute(f"SET LOCAL app.tenant = '{tenant}'".encode())
            yield connection
            connection.rollback()


@asynccontextmanager
async def two_tenants(database: Database) -> AsyncGenerator[Two]:
    """Open both, and Alice's wallet in each."""
    settings = database.settings("mmo_background")
    async with await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True) as connection:
        for tenant in (A, B):
            await open_books(connection, tenant)
    async with open_pool(database.settings("mmo_front", database_pool_max=1)) as pool:
        two = Two(database=database, pool=pool)
        for tenant in (A, B):
            opened: Changed | Refused = await two.open(tenant)
            assert isinstance(opened, Changed)
        yield two
