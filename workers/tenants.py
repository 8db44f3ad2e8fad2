"""Opening a tenant: its row, its books and chart of accounts, its keys, and its namespace."""

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from temporalio.service import ServiceClient

from api.scopes import scopes
from mmo.identity.opening import open_identity
from mmo.keys.ports import PLATFORM, PLATFORM_ID
from mmo.ledger.chart import OPENED
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from workers.namespaces import open_namespace
from workers.wiring import key_maker


async def open_tenant(
    settings: Settings, connection: AsyncConnection[Any], service: ServiceClient, tenant: Tenant
) -> None:
    """Open a tenant. Safe to repeat: what is there stays, what a crash left out is added."""
    await open_books(connection, tenant)
    async with connection.transaction():
        await open_identity(connection, tenant.id, tenant.kind, scopes())
    async with key_maker(settings) as make:
        await make(PLATFORM_ID, PLATFORM)
        await make(tenant.id, tenant.slug)
    retention = timedelta(days=settings.history_retention_days)
    await open_namespace(service, tenant.namespace, retention)


async def open_books(connection: AsyncConnection[Any], tenant: Tenant) -> None:
    """Write the tenant's row, and open its chart of accounts. Safe to repeat."""
    async with connection.transaction():
        await connection.execute(
            """INSERT INTO tenancy.tenant
               (id, slug, name, timezone, currencies, country, kind, state)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING""",
            [
                tenant.id, tenant.slug, tenant.name, tenant.timezone, list(tenant.currencies),
                tenant.country, tenant.kind, tenant.state,
            ],
        )  # fmt: skip
        if tenant.kind == "operator":
            await connection.execute("SELECT ledger.open_tenant(%s)", [tenant.id])
        for currency in tenant.currencies:
            await _open_chart(connection, tenant.id, currency)


async def _open_chart(connection: AsyncConnection[Any], tenant: int, currency: str) -> None:
    cursor = await connection.execute(
        "SELECT code FROM movements.chart WHERE tenant_id = %s AND currency = %s",
        [tenant, currency],
    )
    there = {code for (code,) in await cursor.fetchall()}
    for one in OPENED:
        if one.code not in there:
            await connection.execute(
                """INSERT INTO movements.chart (tenant_id, code, currency, account_id)
                   VALUES (%s, %s, %s, ledger.open_account(%s, %s, %s, %s, %s))""",
                [
                    tenant, one.code, currency, tenant, one.code, currency, one.book,
                    one.kept == "deferred",
                ],
            )  # fmt: skip
