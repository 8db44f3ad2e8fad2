"""Opening tenants that were asked for: the worker of the queue `keys`, in the process `keys`.

A row of `tenancy.onboarding` is the intention. Its workflow is started from here, once by its
name, so that whoever asks needs neither Temporal nor the HSM.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, ServiceClient
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.onboarding import OnboardingActivities, OnboardingSteps
from api.scopes import scopes
from mmo.audit.postgres import append
from mmo.audit.record import Record
from mmo.identity.opening import OPENER, open_administrator, open_identity, open_programs
from mmo.settings import Settings
from mmo.tenancy.onboarding import MACHINE, Onboarding, find, unfinished
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from workers.converter import DATA_CONVERTER
from workers.namespaces import open_namespace
from workers.permits import ADMIN
from workers.roles import ONBOARDING_USER
from workers.stopping import sleep_or_stop
from workers.tenants import open_books
from workers.wiring import KeyMaker, connect, open_pool, permits_of
from workflows.processes.tenant_onboarding import TenantOnboarding
from workflows.support import queues
from workflows.support.limits import WORKFLOW_TASK
from workflows.support.processes import processes

NAMESPACE = "mmo-platform"
"""Where the platform's own workflows are; no tenant's staff see them."""
LOOK_EVERY_S = 1.0
RETRY_S = 2.0
STARTED_MAX = 20
"""Onboardings that are looked after at once."""
_RECORDS = UUID("5f5c6b8d-4b4f-4d1a-8f0e-2d4f35b1d2aa")

_log = structlog.get_logger()


class Steps:
    """The steps, on the database, the token and Temporal."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        make: KeyMaker,
        service: ServiceClient,
        retention: timedelta,
    ) -> None:
        self._pool = pool
        self._make = make
        self._service = service
        self._retention = retention

    async def register(self, slug: str) -> None:
        """Number the tenant after the last one. One at a time."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('tenancy.tenant'))")
            asked = await _asked(connection, slug)
            await connection.execute(
                """INSERT INTO tenancy.tenant
                   (id, slug, name, timezone, currencies, country, kind, state)
                   SELECT (SELECT coalesce(max(id), 0) + 1 FROM tenancy.tenant), %s, %s, %s, %s,
                          %s, %s, 'pending'
                   ON CONFLICT (slug) DO NOTHING""",
                [slug, asked.name, asked.timezone, list(asked.currencies), asked.country,
                 asked.kind],
            )  # fmt: skip

    async def keys(self, slug: str) -> None:
        """Make the keys that it never had."""
        async with self._pool.connection() as connection:
            tenant = await _tenant(connection, slug)
        await self._make(tenant.id, tenant.slug)

    async def identity(self, slug: str) -> None:
        """Everything in one transaction."""
        async with self._pool.connection() as connection:
            tenant, asked = await _tenant(connection, slug), await _asked(connection, slug)
        async with scoped(self._pool, tenant.id) as connection:
            await open_identity(connection, tenant.id, tenant.kind, scopes())
            await open_programs(connection, tenant.id, scopes(), asked.console)
            await open_administrator(
                connection, tenant.id, username=asked.administrator,
                name=asked.administrator_name, invitation=asked.invitation,
                asked_by=asked.asked_by,
            )  # fmt: skip

    async def books(self, slug: str) -> None:
        """In one transaction; a super-tenant has none."""
        async with self._pool.connection() as connection:
            await open_books(connection, await _tenant(connection, slug))

    async def namespace(self, slug: str) -> None:
        """Wait until it is usable."""
        async with self._pool.connection() as connection:
            tenant = await _tenant(connection, slug)
        await open_namespace(self._service, tenant.namespace, self._retention)

    async def activate(self, slug: str) -> None:
        """With its records, in one transaction; a second time nothing is changed or told."""
        async with self._pool.connection() as connection, connection.transaction():
            tenant, asked = await _tenant(connection, slug), await _asked(connection, slug)
            await connection.execute(
                """UPDATE tenancy.tenant SET state = 'active', version = version + 1
                    WHERE id = %s AND state = 'pending'""",
                [tenant.id],
            )
            await connection.execute(
                """UPDATE tenancy.onboarding SET done_at = now()
                    WHERE tenant_id = %s AND slug = %s AND done_at IS NULL""",
                [asked.tenant_id, slug],
            )
            for one in {tenant.id, asked.tenant_id} - {MACHINE}:
                await append(connection, _opened(one, asked))


def _opened(tenant: int, asked: Onboarding) -> Record:
    return Record(
        tenant_id=tenant,
        actor=asked.asked_by,
        client=OPENER,
        action="tenant.opened",
        object=f"tenant/{asked.slug}",
        workflow_id=workflow_id(asked.slug),
        id=uuid5(_RECORDS, f"{tenant}/{asked.slug}"),
    )


async def _tenant(connection: AsyncConnection[Any], slug: str) -> Tenant:
    cursor = connection.cursor(row_factory=class_row(Tenant))
    await cursor.execute(
        """SELECT id, slug, name, timezone, currencies, country, kind, state
             FROM tenancy.tenant WHERE slug = %s""",
        [slug],
    )
    found = await cursor.fetchone()
    assert found is not None, "it was registered by the first step"
    return found


async def _asked(connection: AsyncConnection[Any], slug: str) -> Onboarding:
    found = await find(connection, slug)
    assert found is not None, "nobody takes an intention back"
    return found


def workflow_id(slug: str) -> str:
    """The name of the tenant's onboarding."""
    return f"platform/onboarding/{slug}"


async def start(client: Client, slug: str) -> None:
    """Start the onboarding. Safe to repeat; one that was ended by hand is begun again."""
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            TenantOnboarding.run,
            slug,
            id=workflow_id(slug),
            task_queue=queues.KEYS,
            task_timeout=WORKFLOW_TASK,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )


def onboarding_worker(client: Client, steps: OnboardingSteps) -> Worker:
    """The worker of the queue `keys`."""
    does = OnboardingActivities(steps)
    return Worker(
        client,
        task_queue=queues.KEYS,
        workflows=list(processes(queues.KEYS).values()),
        activities=[
            does.register, does.keys, does.identity, does.books, does.namespace, does.activate,
        ],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_activities=4,
        max_concurrent_workflow_tasks=10,
        max_cached_workflows=20,
    )  # fmt: skip


@asynccontextmanager
async def opened(
    settings: Settings, make: KeyMaker
) -> AsyncGenerator[tuple[AsyncConnectionPool[Any], Client, Steps]]:
    """What an onboarding needs: its own database user, and the platform's namespace."""
    keep = timedelta(days=settings.history_retention_days)
    async with open_pool(settings.as_user(ONBOARDING_USER)) as pool:
        service = await connect(settings.temporal_address, permits_of(settings, ADMIN))
        await open_namespace(service, NAMESPACE, keep)
        client = Client(service, namespace=NAMESPACE, data_converter=DATA_CONVERTER)
        yield pool, client, Steps(pool, make, service, keep)


async def onboard(settings: Settings, make: KeyMaker, stop: asyncio.Event) -> None:
    """Open what is asked for until told to stop. Temporal or the database may be away meanwhile."""
    while not stop.is_set():
        try:
            async with (
                opened(settings, make) as (pool, client, steps),
                onboarding_worker(client, steps),
            ):
                await _look(pool, client, stop)
        except (RPCError, RuntimeError, OSError, psycopg.Error, PoolTimeout) as error:
            _log.warning("onboarding.fault", error=f"{type(error).__name__}: {error}".strip())
            await sleep_or_stop(stop, RETRY_S)


async def _look(pool: AsyncConnectionPool[Any], client: Client, stop: asyncio.Event) -> None:
    while not stop.is_set():
        async with pool.connection() as connection:
            slugs = await unfinished(connection, STARTED_MAX)
        for slug in slugs:
            await start(client, slug)
        await sleep_or_stop(stop, LOOK_EVERY_S)
