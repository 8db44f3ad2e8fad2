"""Role history_export: keeps closed histories, long before Temporal forgets them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from psycopg_pool import AsyncConnectionPool
from temporalio.client import WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from mmo.histories.history import closed
from mmo.histories.postgres import Archive, Awaiting, Closed
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from workers.loops import run_alone, run_ready
from workers.wiring import TenantClients, open_pool, tenant_clients
from workflows.support.catalogue import workflow_of

BATCH_MAX = 200
AT_ONCE_MAX = 4
EVERY_S = 1.0
ALARM_SHARE = 4
"""An alarm is logged when the oldest history not kept is older than retention / this."""

EXPORTED = Counter("mmo_histories_exported", "Histories kept.")
LOST = Counter("mmo_histories_lost", "Histories that Temporal had forgotten: an alarm.")
LAG = Gauge("mmo_histories_lag_seconds", "Age of the oldest ended movement without a history.")

_log = structlog.get_logger()
_DAWN = datetime(2000, 1, 1, tzinfo=UTC)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Export until told to stop."""
    await run_ready(settings, stop, loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Look every second for ended movements whose histories are not kept."""
    clients = tenant_clients(settings, None)  # kept as they are: no key needed
    retention = timedelta(days=settings.history_retention_days)
    async with open_pool(settings) as pool:
        exporter = Exporter(pool, clients, retention)
        await run_alone("history_export", settings, stop, exporter.round, EVERY_S)


class Exporter:
    """Fetches histories from Temporal and keeps the closed ones. Safe to run twice at once."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], clients: TenantClients, retention: timedelta
    ) -> None:
        self._pool = pool
        self._archive = Archive(pool)
        self._tenants = TenantRegister(pool)
        self._clients = clients
        self._alarm_after = retention / ALARM_SHARE
        self._after = _DAWN
        self._lost: set[str] = set()

    async def round(self) -> bool:
        """Keep one batch. Movements that still wait are passed over until the next turn."""
        async with self._pool.connection() as connection:
            lag = await self._archive.lag(connection)
        LAG.set(lag.total_seconds())
        if lag > self._alarm_after:
            _log.error("histories.lag", seconds=lag.total_seconds())
        rows = await self._archive.awaiting(self._after, BATCH_MAX)
        tenants = await self._tenants.numbered(row.tenant_id for row in rows)
        places = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(row: Awaiting) -> Closed | None:
            async with places:
                return await self._closed(tenants[row.tenant_id], row)

        found = [one for one in await asyncio.gather(*map(one, rows)) if one is not None]
        if found:
            EXPORTED.inc(await self._archive.keep(found))
        full = len(rows) == BATCH_MAX
        self._after = rows[-1].accepted_at if full else _DAWN
        return full and bool(found)

    async def _closed(self, tenant: Tenant, row: Awaiting) -> Closed | None:
        """The history of a movement whose workflow is over; None while it runs, or is lost."""
        history = await self._fetch(tenant, f"{tenant.slug}/{row.type}/{row.movement_id}")
        if history is None or closed(history) is None:
            return None
        return Closed(
            tenant_id=row.tenant_id,
            movement_id=row.movement_id,
            history=history,
            workflow_type=workflow_of(row.type).__name__,
        )

    async def _fetch(self, tenant: Tenant, identifier: str) -> WorkflowHistory | None:
        client = await self._clients(tenant)
        try:
            return await client.get_workflow_handle(identifier).fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if identifier not in self._lost:
                self._lost.add(identifier)
                LOST.inc()
                _log.error("histories.lost", workflow=identifier)
            return None
