"""Seed the demo: its tenants, their clients, people, wallets and PINs. Safe to repeat."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from api.scopes import scopes
from mmo.bep import definitions
from mmo.changes.wallets import NewWallet, WalletChanges
from mmo.codelists import postgres as code_lists
from mmo.dated.postgres import FOUR_EYES as TERMS_FOUR_EYES
from mmo.identity import clients
from mmo.identity.clients import CLIENT, CODE, EXCHANGE, REFRESH
from mmo.identity.clients import PIN as PIN_GRANT
from mmo.identity.pins import PinVault, Tenancy
from mmo.kernel.envelope import Actor
from mmo.kernel.refusals import Refused
from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeyStore
from mmo.settings import Settings
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from mmo.wallets import postgres as wallets
from mmo.wallets.personal import PersonalData
from workers.demo.people import (
    APP,
    CONSOLE,
    DEMO,
    ENTRY,
    FLAGS,
    PIN,
    TENANTS,
    machines,
    people,
)
from workers.demo.tokens import secret_file
from workers.permits import ADMIN
from workers.stack.plan import CONSOLE_ADDRESS
from workers.stack.postgres import make_password
from workers.tenants import open_tenant
from workers.wiring import DEV, connect, development_keys, hsm_store, open_pool, permits_of

_WALLETS = UUID("2f2c9f0e-8d5b-4c83-9f7e-7d8f6d2f9f11")


def main(_: Sequence[str] = ()) -> int:
    """Seed the database and the Temporal server that the environment names."""
    asyncio.run(seed(Settings(), TENANTS))
    return 0


async def seed(settings: Settings, tenants: Sequence[Tenant] = (DEMO,)) -> None:
    """Open the tenants, each with its programs, and a wallet with a PIN for each person."""
    service = await connect(settings.temporal_address, permits_of(settings, ADMIN))
    for tenant in tenants:
        async with await psycopg.AsyncConnection.connect(
            settings.dsn(), autocommit=True
        ) as connection:
            await open_tenant(settings, connection, service, tenant)
    async with open_pool(settings) as pool, _keys(settings, pool) as keys:
        for tenant in tenants:
            await _programs(settings, pool, tenant)
            await _wallets(pool, keys, tenant)
        await _rules(pool)


@asynccontextmanager
async def _keys(settings: Settings, pool: AsyncConnectionPool[Any]) -> AsyncGenerator[KeyStore]:
    if settings.env == DEV:
        yield development_keys(settings)
        return
    async with hsm_store(settings, pool) as store:
        yield store


async def _programs(settings: Settings, pool: AsyncConnectionPool[Any], tenant: Tenant) -> None:
    for machine in machines(tenant):
        await _client(
            settings, pool, tenant, machine.id, name=machine.name, grants=[CLIENT],
            scopes=machine.scopes, roles=machine.roles,
        )  # fmt: skip
    every = scopes()
    await _client(
        settings, pool, tenant, CONSOLE, kind="public", name="Back office console",
        grants=[CODE, REFRESH], scopes=every, redirect_uris=[CONSOLE_ADDRESS],
    )  # fmt: skip
    await _client(
        settings, pool, tenant, ENTRY, kind="public", name="Entry from another tenant",
        grants=[EXCHANGE], scopes=every,
    )  # fmt: skip
    if tenant.kind == "operator":
        await _client(
            settings, pool, tenant, APP, name="Demo app", grants=[PIN_GRANT, REFRESH],
            scopes=every, trusted_channel=True,
        )  # fmt: skip


async def _client(
    settings: Settings, pool: AsyncConnectionPool[Any], tenant: Tenant, identifier: str, *,
    kind: str = "confidential", **about: Any,
) -> None:  # fmt: skip
    """Create the client where it is not there; its secret is a file among the stack's secrets."""
    secret = None
    if kind == "confidential":
        secret = make_password(settings.secrets / secret_file(tenant.slug, identifier))

    async def create(connection: AsyncConnection[Any]) -> None:
        await clients.create(
            connection, tenant.id, identifier, kind=kind, created_by="seed", secret=secret, **about
        )

    try:
        async with scoped(pool, tenant.id) as connection:
            await create(connection)
    except UniqueViolation:
        return


async def _rules(pool: AsyncConnectionPool[Any]) -> None:
    """The demo's rules and terms need no second person, so that one can be tried; and its flags."""
    async with scoped(pool, DEMO.id) as connection:
        await definitions.FOUR_EYES.set(connection, DEMO.id, False)
        await TERMS_FOUR_EYES.set(connection, DEMO.id, False)
        for name, codes in FLAGS.items():
            for code, label in codes.items():
                if await code_lists.find(connection, DEMO.id, name, code) is None:
                    await code_lists.create(
                        connection, DEMO.id, name, code, label=label, active=True, by="seed"
                    )


async def _wallets(pool: AsyncConnectionPool[Any], keys: KeyStore, tenant: Tenant) -> None:
    changes, vault = WalletChanges(pool, lambda: None), PinVault(pool, keys)
    personal = PersonalData(keys, Envelope(keys))  # for the seconds that the seed takes
    for person in people(tenant):
        identifier = uuid5(_WALLETS, f"{tenant.slug}/{person.subject}")
        if not await _is_open(pool, tenant, identifier):  # its key may be gone by now
            new = NewWallet(
                kind=person.wallet,
                currency=tenant.currencies[0],
                person=await personal.seal(tenant.slug, identifier, person.msisdn, person.name),
                owner=person.subject,
            )
            by = Actor(subject="seed", client="mmo")
            if isinstance(await changes.open(tenant.id, identifier, new, by), Refused):
                raise SystemExit(f"mmo: {person.msisdn} belongs to another wallet already")
        tenancy = Tenancy(id=tenant.id, slug=tenant.slug)
        await vault.set_first(tenancy, identifier, PIN, person.msisdn)


async def _is_open(pool: AsyncConnectionPool[Any], tenant: Tenant, identifier: UUID) -> bool:
    async with scoped(pool, tenant.id) as connection:
        return bool(await wallets.find(connection, tenant.id, {"it": identifier}))
