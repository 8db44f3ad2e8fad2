"""Role sweeper: starts what a crash left accepted, and mends movements that do not go on.

It folds the deferred accounts too.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from psycopg_pool import AsyncConnectionPool
from temporalio.service import RPCError

from api.operations.mender import Finding, Mender
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.movements.support import stuck
from mmo.movements.support.commands import CommandRow, Commands
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
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
MEND_FIRST_S = 10.0
"""How long a movement is listed as stuck before it is mended; twice as long after each time."""
ROLLUP_EVERY_S = 1.0

STARTED = Counter("mmo_sweeper_started", "Accepted commands that the sweeper started.")
MENDED = Counter("mmo_sweeper_mended", "Movements whose process did not go on, and was mended.")
STUCK = Gauge("mmo_workflows_stuck", "Movements whose process does not go on.", ["reason"])
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
    """Finds movements whose process does not go on, and mends them. Safe to run twice at once."""

    def __init__(
        self,
        commands: Commands,
        tenants: TenantRegister,
        clients: TenantClients,
        unanswered_s: float = UNANSWERED_S,
        mend_first_s: float = MEND_FIRST_S,
    ) -> None:
        self._after = _DAWN
        self._commands = commands
        self._tenants = tenants
        self._clients = clients
        self._unanswered_s = unanswered_s
        self._mend_first_s = mend_first_s

    async def sweep(self) -> bool:
        """Look once at the oldest ones; never asks to be called again at once."""
        rows = await self._commands.unanswered(self._unanswered_s, BATCH_MAX)
        UNANSWERED.set(len(rows))
        rows += await self._waiting()
        rows += await self._commands.stuck(BATCH_MAX)
        by_id = await self._tenants.numbered(row.tenant_id for row in rows)
        for row in {row.movement_id: row for row in rows}.values():
            try:
                await self._see_to(by_id[row.tenant_id], row)
            except (KeysAwayError, NoKeyError, RPCError) as error:
                _log.warning("sweeper.not_now", movement=str(row.movement_id), error=str(error))
        for reason, count in (await self._commands.count_stuck()).items():
            STUCK.labels(reason).set(count)
        return False

    async def _waiting(self) -> list[CommandRow]:
        """The next page of those that wait for an answer: their workflows should be running."""
        rows = await self._commands.waiting(self._after, BATCH_MAX)
        self._after = rows[-1].accepted_at if len(rows) == BATCH_MAX else _DAWN
        return rows

    async def _see_to(self, tenant: Tenant, row: CommandRow) -> None:
        """Start what never began, and mend what does not go on; what goes on is forgotten."""
        mender = Mender(self._commands, await self._clients(tenant), tenant)
        finding = await mender.examine(row)
        row = await self._commands.find(row.tenant_id, row.movement_id) or row
        if finding is None or is_over(row):  # It ended by itself between the two looks.
            async with scoped(self._commands.pool, row.tenant_id) as connection:
                await stuck.resolve(connection, row.tenant_id, row.movement_id)
            return
        if finding.reason == "ended" and row.outcome is None and row.state == "accepted":
            await mender.begin_anew(row)
            STARTED.inc()
            _log.info("sweeper.started", movement=str(row.movement_id), type=row.type)
            return
        await self._mend(mender, row, finding)

    async def _mend(self, mender: Mender, row: CommandRow, finding: Finding) -> None:
        """Report it, and mend it where it is time: the longer it does not help, the less often."""
        tenant, movement = row.tenant_id, row.movement_id
        async with scoped(self._commands.pool, tenant) as connection:
            if await stuck.report(connection, tenant, movement, finding.reason, finding.detail):
                _log.error("alert.stuck", movement=str(movement), type=row.type,
                           reason=finding.reason, detail=finding.detail)  # fmt: skip
            (known,) = await stuck.find_all(connection, tenant, movement)
        last = known.mended_at or known.since
        pause = timedelta(seconds=min(self._mend_first_s * 2.0 ** min(known.mends, 20), 3600))
        if datetime.now(UTC) - last < pause:
            return
        async with scoped(self._commands.pool, tenant) as connection:
            await stuck.count_mend(connection, tenant, movement)
        done = await mender.mend(row, finding)
        MENDED.inc()
        _log.warning("sweeper.mended", movement=str(movement), type=row.type, done=done)


def is_over(row: CommandRow) -> bool:
    """Whether the movement has ended, by its rows."""
    return row.outcome is not None and not row.state.startswith("pending")
