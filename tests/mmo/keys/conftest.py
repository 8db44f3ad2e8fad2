"""Fixtures of the keys' tests: a token and a register of their own, and one tenant with keys."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest_asyncio
from psycopg_pool import AsyncConnectionPool

from mmo.keys.pkcs11 import Pkcs11KeyStore
from mmo.keys.ports import PLATFORM, PLATFORM_ID
from mmo.settings import Settings
from tests.servers.postgres import Database
from workers.hsm import prepare
from workers.wiring import hsm_store, open_pool

TENANTS = {"demo": 1, "other": 2}


def settings_of(database: Database, home: Path, user: str = "mmo_keys") -> Settings:
    return database.settings(user, home=home)


def open_tenants(database: Database) -> None:
    """The tenants' rows, without books: keys need no more."""
    with psycopg.connect(database.admin) as connection:
        for slug, number in TENANTS.items():
            connection.execute(
                """INSERT INTO tenancy.tenant (id, slug, name, country, timezone, currencies)
                   VALUES (%s, %s, %s, 'KE', 'Africa/Nairobi', '{KES}')""",
                [number, slug, slug],
            )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(new_database: Callable[[], Database], tmp_path_factory) -> Settings:
    database = new_database()
    made = settings_of(database, tmp_path_factory.mktemp("hsm"))
    open_tenants(database)
    await prepare(made)
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pool(settings: Settings) -> AsyncIterator[AsyncConnectionPool]:
    async with open_pool(settings) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(settings: Settings, pool: AsyncConnectionPool) -> AsyncIterator[Pkcs11KeyStore]:
    """The token of this module, open; both tenants and the platform have their keys."""
    async with hsm_store(settings, pool) as opened:
        await opened.make(PLATFORM_ID, PLATFORM)
        for slug, number in TENANTS.items():
            await opened.make(number, slug)
        yield opened
