"""The fleet: workers of one queue over the namespaces of all tenants, new ones included."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner, Worker

from activities.approvals import ApprovalActivities
from activities.movements import MovementActivities
from mmo.tenancy.postgres import REFRESH_S, TenantRegister
from mmo.tenancy.tenant import Tenant
from workers.origin import OriginInterceptor
from workers.wiring import TenantClients
from workflows.support import queues
from workflows.support.catalogue import workflows
from workflows.support.processes import processes

WORKFLOW_TASKS_MAX = 400
"""Slots for workflow tasks of one tenant in one process; the API admits a quarter of them."""
ADMITTED_MAX = WORKFLOW_TASKS_MAX // 4
CACHED_WORKFLOWS_MAX = 1000
LOCAL_ACTIVITIES_MAX = 400
GRACE = timedelta(seconds=8)
AGAIN_S = 1.0
"""How long after a tenant's namespace was not found it is looked for again."""

_log = structlog.get_logger()


def movements_worker(
    client: Client,
    activities: MovementActivities,
    approvals: ApprovalActivities,
    more: Sequence[type] = (),
) -> Worker:
    """The worker of the queue `movements` in one namespace.

    Unsandboxed: replay tests and tidy tests guard determinism, and the sandbox costs a third of the
    processor time of a movement. `more` are workflows beside the catalogue's.
    """
    return Worker(
        client,
        task_queue=queues.MOVEMENTS,
        workflows=[*workflows().values(), *more],
        activities=[
            activities.execute,
            activities.reserve,
            activities.settle,
            activities.release,
            activities.verify_answer,
            activities.unread_answers,
            activities.find_recipient,
            *approvals_of(approvals),
        ],
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=[OriginInterceptor()],
        build_id=f"mmo-{version('mmo-platform')}",
        max_cached_workflows=CACHED_WORKFLOWS_MAX,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS_MAX,
        max_concurrent_local_activities=LOCAL_ACTIVITIES_MAX,
        max_concurrent_activities=100,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(2),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(2),
        graceful_shutdown_timeout=GRACE,
    )


def queue_worker(
    client: Client,
    queue: str,
    activities: Sequence[Callable[..., Any]],
    *,
    cached_max: int = 200,
    activities_max: int,
) -> Worker:
    """The worker of a queue of processes, which are no movements, in one namespace."""
    return Worker(
        client,
        task_queue=queue,
        workflows=list(processes(queue).values()),
        activities=activities,
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=[OriginInterceptor()],
        build_id=f"mmo-{version('mmo-platform')}",
        max_cached_workflows=cached_max,
        max_concurrent_activities=activities_max,
        graceful_shutdown_timeout=GRACE,
    )


def approvals_of(approvals: ApprovalActivities) -> tuple[Callable[..., Any], ...]:
    """What every worker needs whose workflows wait for approval."""
    return approvals.open, approvals.verify, approvals.tell, approvals.close


@asynccontextmanager
async def fleet(
    tenants: TenantRegister, clients: TenantClients, make: Callable[[Client], Worker]
) -> AsyncGenerator[None]:
    """Run workers for all active operators while the block runs; a new one's joins within seconds.

    A suspended one's stops: its workflows wait until it is resumed. A worker that ends with an
    error ends the block: a process that only seems to work is worse than one that is begun anew.
    """
    serving: dict[str, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as tasks:

        async def look() -> None:
            active = {one.slug: one for one in await tenants.all() if one.works}
            for slug in sorted(serving.keys() - active.keys()):
                await _rest([serving.pop(slug)])
                _log.info("fleet.rests", tenant=slug)
            for slug in sorted(active.keys() - serving.keys()):
                serving[slug] = tasks.create_task(_serve(active[slug], clients, make))

        async def watch() -> None:
            while True:
                await asyncio.sleep(REFRESH_S)
                try:
                    await look()
                except Exception as error:  # noqa: BLE001 - looked at again in a moment
                    _log.warning("fleet.look_failed", error=repr(error))

        await look()
        watching = tasks.create_task(watch())
        try:
            yield
        finally:
            await _rest([watching])
            await _rest(serving.values())


async def _serve(tenant: Tenant, clients: TenantClients, make: Callable[[Client], Worker]) -> None:
    """Run this tenant's worker until cancelled."""
    client = await _reached(tenant, clients)
    _log.info("fleet.serves", tenant=tenant.slug)
    await make(client).run()


async def _reached(tenant: Tenant, clients: TenantClients) -> Client:
    """The client of a namespace that Temporal knows; all of its parts do some seconds after.

    Asked here, since a worker that finds none ends at once, and no other may take its place while
    the connection lasts. What keeps it away is told once, not at each look.
    """
    told = ""
    while True:
        try:
            client = await clients.for_worker(tenant)
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=client.namespace)
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, no other tenant waits for it
            if (why := repr(error)) != told:
                _log.warning("fleet.not_reached", tenant=tenant.slug, error=why)
                told = why
            await asyncio.sleep(AGAIN_S)
        else:
            return client


async def _rest(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel all at once, and wait until each has ended in its own patience."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
