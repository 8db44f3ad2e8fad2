"""Role movements: the worker of the queue `movements`, without an API."""

import asyncio
from functools import partial

from activities.movements import MovementActivities
from mmo.messaging.bell import Bell
from mmo.movements.support.ports import NobodyWaits
from mmo.movements.support.postgres import PostgresFacts, PostgresWriter
from mmo.movements.support.signed_answers import SignedAnswers
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.fleet import fleet
from workers.ready import notify
from workers.wiring import TenantClients, answer_verifier, key_store, open_pool


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Carry movements out until told to stop."""
    bell, keys = Bell(settings.dsn()), key_store(settings)
    async with open_pool(settings) as pool, asyncio.TaskGroup() as tasks:
        ringing = tasks.create_task(bell.run())
        activities = MovementActivities(
            PostgresFacts(pool),
            PostgresWriter(pool, bell),
            SignedAnswers(partial(answer_verifier, keys)),
            NobodyWaits(),
        )
        async with fleet(
            TenantRegister(pool), TenantClients(settings.temporal_address), activities
        ):
            notify(settings)
            await stop.wait()
        ringing.cancel()
