"""Role sweeper: starts what a crash left accepted, and closes what ended without a word.

It folds the deferred accounts too.
"""

import asyncio
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from api.start import start, workflow_id
from mmo.kernel.identifiers import TenantId
from mmo.movements.support.commands import CommandRow, Commands
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.loops import run_alone, run_ready
from workers.wiring import TenantClients, open_pool

UNANSWERED_S = 10.0
"""How long a command may be without an outcome before the sweeper looks at it."""
BATCH_MAX = 100
EVERY_S = 2.0
ROLLUP_EVERY_S = 1.0

STARTED = Counter("mmo_sweeper_started", "Accepted commands that the sweeper started.")
FAILED = Counter("mmo_sweeper_failed", "Movements that ended without an outcome: an alarm.")
UNANSWERED = Gauge("mmo_commands_unanswered", "Commands without an outcome for ten seconds.")

_log = structlog.get_logger()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Sweep until told to stop."""
    await run_ready(settings, stop, loop, rollup)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Look every few seconds for commands without an outcome."""
    clients = TenantClients(settings.temporal_address)
    async with open_pool(settings) as pool:
        sweeper = Sweeper(Commands(pool), TenantRegister(pool), clients)
        await run_alone("sweeper", settings, stop, sweeper.sweep, EVERY_S)


async def rollup(settings: Settings, stop: asyncio.Event) -> None:
    """Fold what deferred accounts received into their rows, every second."""
    async with open_pool(settings) as pool:
        await run_alone("rollup", settings, stop, lambda: _roll(pool), ROLLUP_EVERY_S)


async def _roll(pool: AsyncConnectionPool[Any]) -> bool:
    async with pool.connection() as connection:
        await connection.execute("SELECT ledger.rollup()")
    return False


class Sweeper:
    """Finds accepted commands without an outcome and sees to them. Safe to run twice at once."""

    def __init__(
        self,
        commands: Commands,
        tenants: TenantRegister,
        clients: TenantClients,
        unanswered_s: float = UNANSWERED_S,
    ) -> None:
        self._commands = commands
        self._tenants = tenants
        self._clients = clients
        self._unanswered_s = unanswered_s

    async def sweep(self) -> bool:
        """Look once at the oldest ones; never asks to be called again at once."""
        rows = await self._commands.unanswered(self._unanswered_s, BATCH_MAX)
        UNANSWERED.set(len(rows))
        by_id = {tenant.id: tenant for tenant in await self._tenants.all()}
        for row in rows:
            tenant = by_id[TenantId(row.tenant_id)]
            client = await self._clients(tenant)
            status = await _status(client, workflow_id(tenant.slug, row))
            if status is None:
                await start(client, tenant, row, eager=False)
                STARTED.inc()
                _log.info("sweeper.started", movement=str(row.movement_id), type=row.type)
            elif status is not WorkflowExecutionStatus.RUNNING:
                await self._close(row)
        return False

    async def _close(self, row: CommandRow) -> None:
        """The workflow is over and said nothing: terminated by hand, or timed out."""
        if await self._commands.fail(row.tenant_id, row.movement_id):
            FAILED.inc()
            _log.error("sweeper.failed", movement=str(row.movement_id), type=row.type)


async def _status(client: Client, identifier: str) -> WorkflowExecutionStatus | None:
    """The state of a workflow; None where there is none."""
    try:
        return (await client.get_workflow_handle(identifier).describe()).status
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
