"""Role movements: the worker of the queue `movements`, without an API."""

import asyncio
from functools import partial

from activities.approvals import ApprovalActivities
from activities.movements import MovementActivities
from mmo.approvals.postgres import Approvals
from mmo.messaging.bell import Bell
from mmo.movements.support.ports import NobodyWaits
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from mmo.movements.support.signed_answers import SignedAnswers
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.fleet import fleet, movements_worker
from workers.ready import notify
from workers.wiring import (
    answer_verifier,
    decision_verifier,
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    tenant_clients,
)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Carry movements out until told to stop."""
    bell = Bell(settings.dsn())
    async with (
        open_pool(settings) as pool,
        open_trust(settings) as trust,
        asyncio.TaskGroup() as tasks,
    ):
        ringing = tasks.create_task(bell.run())
        activities = MovementActivities(
            PostgresFacts(pool),
            PostgresWriter(pool, bell),
            SignedAnswers(answer_verifier(trust), pool),
            NobodyWaits(),
        )
        envelope = open_envelope(key_store(settings), trust)
        clients = tenant_clients(settings, envelope)
        approvals = ApprovalActivities(Approvals(pool, decision_verifier(trust)))
        worker = partial(movements_worker, activities=activities, approvals=approvals)
        async with fleet(TenantRegister(pool), clients, worker):
            notify(settings)
            await stop.wait()
        ringing.cancel()
