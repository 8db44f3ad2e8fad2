"""The fleet: workers of one queue over the namespaces of all tenants, new ones included."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner, Worker

from activities.approvals import ApprovalActivities
from activities.movements import MovementActivities
from mmo.tenancy.postgres import REFRESH_S, TenantRegister
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
            activities.find_recipient,
            *approvals_of(approvals),
        ],
        workflow_runner=UnsandboxedWorkflowRunner(),
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

    A suspended one's stops: its workflows wait until it is resumed.
    """
    async with AsyncExitStack() as running:
        served: dict[str, AsyncExitStack] = {}

        async def serve_new() -> None:
            active = {one.slug: one for one in await tenants.all() if one.works}
            for slug in sorted(served.keys() - active.keys()):
                await served.pop(slug).aclose()
                _log.info("fleet.rests", tenant=slug)
            for slug in sorted(active.keys() - served.keys()):
                worker = make(await clients(active[slug]))
                own = await running.enter_async_context(AsyncExitStack())
                await own.enter_async_context(worker)
                served[slug] = own
                _log.info("fleet.serves", tenant=slug)

        async def watch() -> None:
            while True:
                await asyncio.sleep(REFRESH_S)
                try:
                    await serve_new()
                except Exception as error:  # noqa: BLE001 - looked at again in a moment
                    _log.warning("fleet.look_failed", error=repr(error))

        await serve_new()
        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
