"""Seed the demo tenant: its books, its people, and their wallets. Safe to repeat."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid5

import psycopg

from mmo.changes.wallets import NewWallet, WalletChanges
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import TenantId
from mmo.kernel.refusals import Refused
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from workers.demo.people import PEOPLE
from workers.tenants import open_tenant
from workers.wiring import connect, open_pool

DEMO = Tenant(
    id=TenantId(1),
    slug="demo",
    name="Demo Mobile Money",
    timezone="Africa/Nairobi",
    currencies=("KES",),
)
_WALLETS = UUID("2f2c9f0e-8d5b-4c83-9f7e-7d8f6d2f9f11")


def main(_: Sequence[str] = ()) -> int:
    """Seed the database and the Temporal server that the environment names."""
    asyncio.run(seed(Settings()))
    return 0


async def seed(settings: Settings, tenant: Tenant = DEMO) -> None:
    """Open the tenant and a wallet for each of its people who has one."""
    service = await connect(settings.temporal_address)
    async with await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True) as connection:
        await open_tenant(settings, connection, service, tenant)
    async with open_pool(settings) as pool:
        changes = WalletChanges(pool, lambda: None)
        for person in PEOPLE:
            if person.wallet is None:
                continue
            new = NewWallet(
                kind=person.wallet,
                currency=tenant.currencies[0],
                msisdn=person.msisdn,
                name=person.name,
                owner=person.subject,
            )
            identifier = uuid5(_WALLETS, f"{tenant.slug}/{person.subject}")
            opened = await changes.open(
                tenant.id, identifier, new, Actor(subject="seed", client="mmo")
            )
            if isinstance(opened, Refused):
                raise SystemExit(f"mmo: {person.msisdn} belongs to another wallet already")
