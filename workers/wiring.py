"""How the parts of a process are made from its settings."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.service import ConnectConfig, KeepAliveConfig, ServiceClient

from mmo.approvals.documents import AUDIENCE as APPROVALS
from mmo.histories.codec import TenantCodec, WorkerCodec
from mmo.keys.development import DevelopmentKeys
from mmo.keys.envelope import Envelope
from mmo.keys.module import Pkcs11Module
from mmo.keys.pkcs11 import Pkcs11KeyStore
from mmo.keys.ports import KeysAwayError, KeyStore, Purpose, Trust
from mmo.keys.postgres import PostgresTrust
from mmo.keys.socket import SocketKeyStore
from mmo.keys.softhsm import MISSING, find_library
from mmo.keys.softhsm import configure as configure_softhsm
from mmo.keys.verifier import Verifier
from mmo.ledger.postgres import configure
from mmo.movements.support.signed_answers import AUDIENCE
from mmo.movements.support.signed_quotes import AUDIENCE as QUOTES
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from workers.converter import sealing
from workers.permits import WRITE, Permits

DEV = "dev"
"""The environment in which keys may be files."""
KeyMaker = Callable[[int, str], Awaitable[None]]
"""Makes the keys that a tenant (number, slug) never had."""
CONNECT_S = 30.0
"""How long a process waits for Postgres or Temporal when it starts."""


@asynccontextmanager
async def open_pool(
    settings: Settings, wait_s: float = CONNECT_S, *, checked: bool = False
) -> AsyncGenerator[AsyncConnectionPool[Any]]:
    """The one pool of the process.

    `checked`: each connection is tried before it is used, for a process that is asked rarely and
    has nobody who would ask again after a restart of the database.
    """
    pool = AsyncConnectionPool[Any](
        settings.dsn(),
        min_size=1,
        max_size=settings.database_pool_max,
        configure=configure,
        timeout=10.0,
        check=AsyncConnectionPool.check_connection if checked else None,
        open=False,
    )
    async with pool:
        await pool.wait(timeout=wait_s)
        yield pool


class TenantClients:
    """One connection to Temporal, and a client for each tenant's namespace over it.

    What the clients write is enciphered by the envelope; without one it stands there in clear, and
    nothing that is ciphertext can be read.
    """

    def __init__(
        self, address: str, envelope: Envelope | None, permits: Permits | None = None
    ) -> None:
        self._address = address
        self._permits = permits
        self._envelope = envelope
        self._service: ServiceClient | None = None
        self._clients: dict[str, Client] = {}
        self._lock = asyncio.Lock()

    async def __call__(self, tenant: Tenant) -> Client:
        """The client of the tenant's namespace. Raises RPCError or OSError."""
        if tenant.namespace not in self._clients:
            service = await self.service()
            self._clients[tenant.namespace] = Client(
                service, namespace=tenant.namespace, data_converter=sealing(self.codec(tenant))
            )
        return self._clients[tenant.namespace]

    async def for_worker(self, tenant: Tenant) -> Client:
        """A client for a worker, over the same connection: it reads what others wrote, too."""
        service = await self.service()
        codec = None
        if self._envelope is not None:
            codec = WorkerCodec(self._envelope, tenant.slug, tenant.namespace)
        return Client(service, namespace=tenant.namespace, data_converter=sealing(codec))

    def codec(self, tenant: Tenant) -> TenantCodec | None:
        """What enciphers and deciphers the payloads of the tenant's namespace."""
        if self._envelope is None:
            return None
        return TenantCodec(self._envelope, tenant.slug, tenant.namespace)

    async def service(self) -> ServiceClient:
        """The connection; made at the first call, and kept."""
        async with self._lock:
            if self._service is None:
                self._service = await connect(self._address, self._permits)
        return self._service


async def connect(address: str, permits: Permits | None = None) -> ServiceClient:
    """Connect to Temporal, waiting a while for it to come up.

    Raises RuntimeError, and KeysAwayError where no permit could be had.
    """
    deadline = asyncio.get_running_loop().time() + CONNECT_S
    while True:
        try:
            return await _connected(address, permits)
        except (RuntimeError, KeysAwayError):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)


async def _connected(address: str, permits: Permits | None) -> ServiceClient:
    config = ConnectConfig(target_host=address, keep_alive_config=KeepAliveConfig())
    if permits is None:
        return await ServiceClient.connect(config)
    config.rpc_metadata = await permits.metadata()
    service = await ServiceClient.connect(config)
    permits.keep_fresh(service)
    return service


def permits_of(settings: Settings, permission: str = WRITE) -> Permits | None:
    """Permits for this process, where Temporal has an authorizer."""
    if not settings.temporal_authorizer:
        return None
    return Permits(key_store(settings), settings.database_user, permission)


def tenant_clients(settings: Settings, envelope: Envelope | None) -> TenantClients:
    """Clients of the tenants' namespaces, as the settings want them."""
    return TenantClients(settings.temporal_address, envelope, permits_of(settings))


def development_keys(settings: Settings) -> DevelopmentKeys:
    """Keys that are files in HOME/keys. Raises ValueError but in `MMO_ENV=dev`."""
    if settings.env != DEV:
        raise ValueError("development keys are for MMO_ENV=dev alone; an HSM must hold the others")
    return DevelopmentKeys(settings.home / "keys", settings.issuer)


@asynccontextmanager
async def open_trust(settings: Settings) -> AsyncGenerator[Trust]:
    """The public keys of all tenants, kept as they are. Needs the database and no HSM."""
    if settings.env == DEV:
        yield development_keys(settings)
        return
    async with PostgresTrust(settings.dsn(), settings.issuer).listening() as trust:
        yield trust


def open_envelope(keys: KeyStore, trust: Trust) -> Envelope:
    """The one envelope of the process. It forgets what it unwrapped whenever a key changes."""
    envelope = Envelope(keys)
    trust.on_change(envelope.purge)
    return envelope


def key_store(settings: Settings) -> KeyStore:
    """Where keys are used: the process `keys`. It may be away; what only verifies goes on."""
    if settings.env == DEV:
        return development_keys(settings)
    return SocketKeyStore(settings.keys_at)


@asynccontextmanager
async def hsm_store(
    settings: Settings, pool: AsyncConnectionPool[Any]
) -> AsyncGenerator[Pkcs11KeyStore]:
    """The token itself: for `keys`, `authorization` and the operator's commands, nobody else.

    Raises KeysAwayError, WrongPinError or UnfitKeyError.
    """
    module = hsm_module(settings)
    await module.open()
    try:
        async with PostgresTrust(settings.dsn(), settings.issuer).listening() as trust:
            yield Pkcs11KeyStore(module, trust, pool, settings.issuer)
    finally:
        await module.close()


def hsm_module(settings: Settings) -> Pkcs11Module:
    """The PKCS#11 module that the settings name, SoftHSM by default; not opened yet."""
    library = hsm_library(settings)
    if settings.pkcs11_module is None or "softhsm" in library.name:
        configure_softhsm(settings.hsm)
    return Pkcs11Module(library, settings.hsm_token, settings.hsm_pin, settings.hsm)


def hsm_library(settings: Settings) -> Path:
    """The PKCS#11 library. Raises KeysAwayError where there is none."""
    library = settings.pkcs11_module or find_library()
    if library is None or not library.exists():
        raise KeysAwayError(MISSING if library is None else f"there is no library {library}")
    return library


@asynccontextmanager
async def key_maker(settings: Settings) -> AsyncGenerator[KeyMaker]:
    """Makes a tenant's keys where they lie. For the operator's commands and the seed."""
    if settings.env == DEV:
        keys = development_keys(settings)

        async def make(_: int, tenant: str) -> None:
            keys.make(tenant)

        yield make
        return
    async with open_pool(settings) as pool, hsm_store(settings, pool) as store:
        yield store.make


def access_verifier(settings: Settings, trust: Trust) -> Verifier:
    """Proves access tokens."""
    return Verifier(trust, Purpose.JWT, settings.audience)


def answer_verifier(trust: Trust) -> Verifier:
    """Proves answers to waiting movements."""
    return Verifier(trust, Purpose.DECISION, AUDIENCE)


def quote_verifier(trust: Trust) -> Verifier:
    """Proves quotes."""
    return Verifier(trust, Purpose.DECISION, QUOTES)


def decision_verifier(trust: Trust) -> Verifier:
    """Proves decisions about what waits for approval."""
    return Verifier(trust, Purpose.DECISION, APPROVALS)
