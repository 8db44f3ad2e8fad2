"""Role bulk: the worker of the queue `bulk`, for all operators."""

import asyncio
from functools import partial

from temporalio.client import Client
from temporalio.worker import Worker

from activities.backtests import BacktestActivities
from activities.days import DayActivities
from activities.reconciliations import ReconciliationActivities
from mmo.ledger.postgres import PostgresPostings
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers import days, watch
from workers.backtesting import Backtesting
from workers.fleet import fleet, queue_worker
from workers.loops import run_ready
from workers.reconciling import Reconciling
from workers.roles import REPLAYER_USER
from workers.wiring import key_store, open_envelope, open_pool, open_trust, tenant_clients
from workflows.support import queues

ACTIVITIES_MAX = 2
"""Of one operator in one process: they are work for the processor, and others need it too."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Carry long work out until told to stop."""
    await run_ready(settings, stop, loop, days.loop, watch.loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Workers in the namespaces of all operators."""
    async with (
        open_pool(settings) as pool,
        open_pool(settings.as_user(REPLAYER_USER)) as records,
        open_trust(settings) as trust,
        PostgresPostings(pool) as postings,
    ):
        clients = tenant_clients(settings, open_envelope(key_store(settings), trust))
        tenants = TenantRegister(pool)
        worker = partial(
            bulk_worker,
            backtests=BacktestActivities(Backtesting(pool, records)),
            closing=DayActivities(days.Days(pool, postings)),
            reconciling=ReconciliationActivities(Reconciling(pool, tenants, clients)),
        )
        async with fleet(tenants, clients, worker):
            await stop.wait()


def bulk_worker(
    client: Client,
    backtests: BacktestActivities,
    closing: DayActivities,
    reconciling: ReconciliationActivities,
) -> Worker:
    """The worker of the queue in one namespace."""
    doors = [
        backtests.parts, backtests.count, backtests.progress, backtests.finish,
        closing.settle, closing.derive, closing.balance, closing.report, closing.close,
        reconciling.parts, reconciling.check, reconciling.finish,
    ]  # fmt: skip
    return queue_worker(client, queues.BULK, doors, cached_max=20, activities_max=ACTIVITIES_MAX)
