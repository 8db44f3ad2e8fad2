"""A tenant with its identity, in a fresh database, with keys that are files."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from api.scopes import scopes
from mmo.identity.opening import open_identity
from mmo.identity.pins import PinVault, Tenancy
from mmo.keys.development import DevelopmentKeys
from mmo.tenancy.scope import scoped
from tests.servers.postgres import Database
from workers.wiring import open_pool

DEMO = Tenancy(id=1, slug="demo")
WALLET = UUID("0190f3c0-0000-7000-8000-000000000001")
MSISDN = "+254700000001"
ISSUER = "https://accounts.example"


@dataclass(frozen=True, slots=True)
class Registry:
    """The database as the processes of one role see it."""

    database: Database
    pool: AsyncConnectionPool[Any]
    keys: DevelopmentKeys

    @property
    def vault(self) -> PinVault:
        return PinVault(self.pool, self.keys)

    def scoped(self, tenant: int = DEMO.id) -> Any:
        return scoped(self.pool, tenant)


def add_tenant(database: Database, number: int, slug: str, kind: str = "operator") -> None:
    with psycopg.connect(database.admin) as connection:
        connection.execute(
            """INSERT INTO tenancy.tenant
               (id, slug, name, timezone, currencies, country, kind, state)
               VALUES (%s, %s, %s, 'Africa/Nairobi', '{KES}', 'KE', %s, 'active')""",
            [number, slug, slug, kind],
        )


async def opened(database: Database, number: int, slug: str, kind: str = "operator") -> None:
    """A tenant with its policy and standard roles."""
    add_tenant(database, number, slug, kind)
    async with await psycopg.AsyncConnection.connect(database.admin) as connection:
        await open_identity(connection, number, kind, scopes())


@asynccontextmanager
async def registry_of(database: Database, folder: Path) -> AsyncGenerator[Registry]:
    """Two tenants, as the API's processes see them."""
    keys = DevelopmentKeys(folder / "keys", ISSUER)
    for number, slug in ((DEMO.id, DEMO.slug), (2, "other")):
        await opened(database, number, slug)
        keys.make(slug)
    async with open_pool(database.settings("mmo_front")) as pool:
        yield Registry(database, pool, keys)


@asynccontextmanager
async def server_of(registry: Registry) -> AsyncGenerator[Registry]:
    """The same, as the authorization server sees it."""
    async with open_pool(registry.database.settings("mmo_authorization")) as pool:
        yield Registry(registry.database, pool, registry.keys)
