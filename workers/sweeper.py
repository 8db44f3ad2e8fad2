"""Role sweeper: starts what a crash left accepted, and closes what ended without a word.

It folds the deferred accounts too.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.movements import MovementActivities
from api.start import start, workflow_id
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.movements.support.commands import CommandRow, Commands
from mmo.movements.support.ports import NoAnswers, NobodyWaits
from mmo.movements.support.postgres import PostgresFacts, PostgresWriter
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from workers.giving_back import GivingBack
from workers.loops import run_alone, run_ready
from workers.wiring import (
    TenantClients,
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    tenant_clients,
)

UNANSWERED_S = 10.0
"""How long a command may be without an outcome before the sweeper looks at it."""
BATCH_MAX = 100
EVERY_S = 2.0
ROLLUP_EVERY_S = 1.0

STARTED = Counter("mmo_sweeper_started", "Accepted commands that the sweeper started.")
FAILED = Counter("mmo_sweeper_failed", "Movements that ended without an outcome: an alarm.")
UNANSWERED = Gauge("mmo_commands_unanswered", "Commands without an outcome for ten seconds.")

_log = structlog.get_logger()
_DAWN = datetime(2000, 1, 1, tzinfo=UTC)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Sweep until told to stop."""
    await run_ready(settings, stop, loop, rollup)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Look every few seconds for commands without an outcome."""
    async with open_pool(settings) as pool, open_trust(settings) as trust:
        envelope = open_envelope(key_store(settings), trust)
        clients = tenant_clients(settings, envelope)
        doors = MovementActivities(
            PostgresFacts(pool), PostgresWriter(pool), NoAnswers(), NobodyWaits()
        )
        sweeper = Sweeper(Commands(pool), TenantRegister(pool), clients, doors)
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
        doors: MovementActivities,
        unanswered_s: float = UNANSWERED_S,
    ) -> None:
        self._giving_back = GivingBack(commands, doors)
        self._after = _DAWN
        self._commands = commands
        self._tenants = tenants
        self._clients = clients
        self._unanswered_s = unanswered_s

    async def sweep(self) -> bool:
        """Look once at the oldest ones; never asks to be called again at once."""
        rows = await self._commands.unanswered(self._unanswered_s, BATCH_MAX)
        UNANSWERED.set(len(rows))
        rows += await self._waiting()
        by_id = await self._tenants.numbered(row.tenant_id for row in rows)
        for row in rows:
            try:
                await self._see_to(by_id[row.tenant_id], row)
            except (KeysAwayError, NoKeyError) as error:
                _log.warning("sweeper.no_key", movement=str(row.movement_id), error=str(error))
        return False

    async def _waiting(self) -> list[CommandRow]:
        """The next page of those that wait for an answer: their workflows should be running."""
        rows = await self._commands.waiting(self._after, BATCH_MAX)
        self._after = rows[-1].accepted_at if len(rows) == BATCH_MAX else _DAWN
        return rows

    async def _see_to(self, tenant: Tenant, row: CommandRow) -> None:
        """Start what Temporal does not know; end what was terminated by hand, or timed out."""
        client = await self._clients(tenant)
        status = await _status(client, workflow_id(tenant.slug, row))
        if status is None:
            await start(client, tenant, row, eager=False)
            STARTED.inc()
            _log.info("sweeper.started", movement=str(row.movement_id), type=row.type)
        elif status is not WorkflowExecutionStatus.RUNNING:
            await self._end(tenant, row)

    async def _end(self, tenant: Tenant, row: CommandRow) -> None:
        kept = await self._commands.find(row.tenant_id, row.movement_id)
        if kept is None or (kept.outcome and not kept.state.startswith("pending")):
            return  # It ended by itself between the two looks.
        if await self._giving_back.end(tenant, row):
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
