"""How the parts of a process are made from its settings."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from temporalio.client import Client
from temporalio.service import ConnectConfig, KeepAliveConfig, ServiceClient

from mmo.keys.development import DevelopmentKeys
from mmo.keys.ports import KeyStore, Purpose, Trust
from mmo.keys.verifier import Verifier
from mmo.ledger.postgres import configure
from mmo.movements.support.signed_answers import AUDIENCE
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from workers.converter import DATA_CONVERTER

DEV = "dev"
READERS_MAX = 4
"""Connections of a process that read the read models."""
CONNECT_S = 30.0
"""How long a process waits for Postgres or Temporal when it starts."""


@asynccontextmanager
async def open_pool(settings: Settings) -> AsyncGenerator[AsyncConnectionPool[Any]]:
    """The one pool of the process."""
    pool = AsyncConnectionPool[Any](
        settings.dsn(),
        min_size=1,
        max_size=settings.database_pool_max,
        configure=configure,
        timeout=10.0,
        open=False,
    )
    async with pool:
        await pool.wait(timeout=CONNECT_S)
        yield pool


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncGenerator[AsyncEngine]:
    """SQLModel's way to the same database, for the read models."""

    async def connection() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True)

    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connection,
        isolation_level="AUTOCOMMIT",
        pool_size=READERS_MAX,
        pool_pre_ping=True,  # a connection may be older than the database that answers now
        max_overflow=0,
        pool_timeout=10.0,
    )
    try:
        yield engine
    finally:
        await engine.dispose()


class TenantClients:
    """One connection to Temporal, and a client for each tenant's namespace over it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._service: ServiceClient | None = None
        self._clients: dict[str, Client] = {}
        self._lock = asyncio.Lock()

    async def __call__(self, tenant: Tenant) -> Client:
        """The client of the tenant's namespace. Raises RPCError or OSError."""
        if tenant.namespace not in self._clients:
            service = await self.service()
            self._clients[tenant.namespace] = Client(
                service, namespace=tenant.namespace, data_converter=DATA_CONVERTER
            )
        return self._clients[tenant.namespace]

    async def service(self) -> ServiceClient:
        """The connection; made at the first call, and kept."""
        async with self._lock:
            if self._service is None:
                self._service = await connect(self._address)
        return self._service


async def connect(address: str) -> ServiceClient:
    """Connect to Temporal, waiting a while for it to come up. Raises RuntimeError."""
    config = ConnectConfig(target_host=address, keep_alive_config=KeepAliveConfig())
    deadline = asyncio.get_running_loop().time() + CONNECT_S
    while True:
        try:
            return await ServiceClient.connect(config)
        except RuntimeError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)


def development_keys(settings: Settings) -> DevelopmentKeys:
    """Keys that are files in HOME/keys. Raises ValueError but in `MMO_ENV=dev`."""
    if settings.env != DEV:
        raise ValueError("development keys are for MMO_ENV=dev alone; an HSM must hold the others")
    return DevelopmentKeys(settings.home / "keys", settings.issuer)


def key_store(settings: Settings) -> KeyStore:
    """Where the keys are used."""
    return development_keys(settings)


def access_verifier(settings: Settings, trust: Trust) -> Verifier:
    """Proves access tokens."""
    return Verifier(trust, Purpose.JWT, settings.audience)


def answer_verifier(trust: Trust) -> Verifier:
    """Proves answers to waiting movements."""
    return Verifier(trust, Purpose.DECISION, AUDIENCE)
