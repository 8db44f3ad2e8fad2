"""Role reactions: the worker of the queue `reactions`, for all operators."""

import asyncio
from functools import partial

from temporalio.client import Client
from temporalio.worker import Worker

from activities.reactions import ReactionActivities
from mmo.messaging.bell import Bell
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.fleet import fleet, queue_worker
from workers.loops import run_ready
from workers.reacting import Reacting
from workers.wiring import (
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    tenant_clients,
)
from workflows.support import queues

ACTIVITIES_MAX = 50


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Carry reactions out until told to stop."""
    await run_ready(settings, stop, loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Workers in the namespaces of all operators."""
    bell = Bell(settings.dsn())
    async with (
        open_pool(settings) as pool,
        open_trust(settings) as trust,
        asyncio.TaskGroup() as tasks,
    ):
        ringing = tasks.create_task(bell.run())
        clients = tenant_clients(settings, open_envelope(key_store(settings), trust))
        activities = ReactionActivities(Reacting(pool, bell.ring))
        worker = partial(reactions_worker, activities=activities)
        async with fleet(TenantRegister(pool), clients, worker):
            await stop.wait()
        ringing.cancel()


def reactions_worker(client: Client, activities: ReactionActivities) -> Worker:
    """The worker of the queue in one namespace."""
    doors = [
        activities.react, activities.carry_out, activities.open_task, activities.escalate_task,
        activities.is_done,
    ]  # fmt: skip
    return queue_worker(client, queues.REACTIONS, doors, activities_max=ACTIVITIES_MAX)
