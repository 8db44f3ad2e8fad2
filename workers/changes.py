"""Role changes: the worker of the queue `changes`, for all operators, and what starts it anew."""

import asyncio
from functools import partial
from uuid import UUID

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.changes import ChangeActivities
from api.changing import change_workflow_id, start_change
from mmo.approvals.postgres import Approvals
from mmo.bep.postgres import Snapshots
from mmo.changes.support.changes import Changes
from mmo.messaging.bell import Bell
from mmo.movements.support.business_events import business_events
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from workers.fleet import approvals_of, fleet, queue_worker
from workers.loops import run_ready
from workers.wiring import (
    TenantClients,
    decision_verifier,
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    tenant_clients,
)
from workflows.support import queues

ACTIVITIES_MAX = 20
LOOK_S = 10.0
"""How often what was accepted is looked at, and how long whoever accepted it has to start it."""

_log = structlog.get_logger()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Carry changes out until told to stop."""
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
        changes = Changes(pool, Snapshots(pool, business_events()), bell.ring)
        approvals = ApprovalActivities(Approvals(pool, decision_verifier(trust)))
        worker = partial(changes_worker, activities=ChangeActivities(changes), approvals=approvals)
        tenants = TenantRegister(pool)
        starting = tasks.create_task(start_forgotten(tenants, clients, changes))
        async with fleet(tenants, clients, worker):
            await stop.wait()
        starting.cancel()
        ringing.cancel()


async def start_forgotten(
    tenants: TenantRegister, clients: TenantClients, changes: Changes, look_s: float = LOOK_S
) -> None:
    """Start what waits though its workflow never began, until cancelled. Safe to run twice."""
    while True:
        await asyncio.sleep(look_s)
        try:
            for tenant in await tenants.all():
                if not tenant.works:
                    continue
                for awaited in await changes.forgotten(tenant.slug, tenant.id, look_s):
                    await start_change(await clients(tenant), awaited)
                    _log.info("change.started_late", change=awaited.id)
                await begin_ended_anew(tenant, await clients(tenant), changes)
        except Exception as error:  # noqa: BLE001 - looked at again in a moment
            _log.warning("changes.look_failed", error=repr(error))


async def begin_ended_anew(tenant: Tenant, client: Client, changes: Changes) -> None:
    """Begin the workflows anew that somebody ended though their change waits: votes are rows."""
    after = UUID(int=0)
    while page := await changes.waiting(tenant.slug, tenant.id, after):
        after = UUID(page[-1].id)
        for awaited in page:
            handle = client.get_workflow_handle(change_workflow_id(tenant.slug, awaited.id))
            try:
                running = (await handle.describe()).close_time is None
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                running = False
            if not running:
                _log.error("alert.stuck", change=awaited.id, reason="ended")
                await start_change(client, awaited, WorkflowIDReusePolicy.ALLOW_DUPLICATE)


def changes_worker(
    client: Client, activities: ChangeActivities, approvals: ApprovalActivities
) -> Worker:
    """The worker of the queue in one namespace."""
    doors = [
        activities.carry_out, activities.end, *approvals_of(approvals),
    ]  # fmt: skip
    return queue_worker(client, queues.CHANGES, doors, activities_max=ACTIVITIES_MAX)
