"""Starting a movement's workflow, and waiting for its first outcome."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Protocol

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api.problems import Problem
from mmo.kernel.envelope import Actor, Envelope, Quoted
from mmo.kernel.identifiers import MovementId, TenantId
from mmo.kernel.money import Money
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.movements.support.commands import CommandRow, Commands
from mmo.movements.support.first_outcomes import FirstOutcomes
from mmo.movements.support.outcome import Request, told
from mmo.tenancy.tenant import Tenant
from workflows.support import queues
from workflows.support.attributes import AMOUNT_MINOR, CURRENCY
from workflows.support.catalogue import workflow_of
from workflows.support.limits import WORKFLOW_TASK

POLL_FIRST_S, POLL_LAST_S = 0.05, 0.5
POLL_OWN_S = 1.0
"""What this process carries out itself is told in memory; the table is looked at to be safe."""
RPC_TIMEOUT = timedelta(seconds=10)


class Clients(Protocol):
    """Gives the Temporal client of a tenant's namespace."""

    def __call__(self, tenant: Tenant) -> Awaitable[Client]:
        """Connect, or answer with the connection there is."""
        ...


def workflow_id(tenant: str, row: CommandRow) -> str:
    """The name of a movement's workflow: it can be read aloud."""
    return f"{tenant}/{row.type}/{row.movement_id}"


def request_of(tenant: Tenant, row: CommandRow) -> Request:
    """What the workflow is started with: nothing but what the command table keeps."""
    client, _, _ = row.client.rpartition("/")
    return Request(
        envelope=Envelope(
            tenant=tenant.slug,
            tenant_id=TenantId(row.tenant_id),
            actor=Actor(
                subject=row.actor,
                client=client,
                roles=tuple(row.roles),
                attributes=row.attributes,
                act=tuple(row.act),
            ),
            movement=MovementId(str(row.movement_id)),
            requested_at=row.accepted_at.isoformat(),
            granted=tuple(sorted(row.granted)),
            quoted=Quoted(**row.quoted) if row.quoted else None,
        ),
        movement=row.type,
        command=row.body,
    )


async def start(
    client: Client, tenant: Tenant, row: CommandRow, *, eager: bool,
    request: Request | None = None,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
) -> None:  # fmt: skip
    """Start the workflow of an accepted command. Safe to repeat: it is started once.

    `request`: of a run that takes up where an earlier one ended, which `reuse` must allow. Raises
    Problem unavailable where Temporal does not answer; the sweeper starts it then.
    """
    amount = Money.parse(row.body["amount"]["value"], row.body["amount"]["currency"])
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            workflow_of(row.type).__name__,
            request or request_of(tenant, row),
            id=workflow_id(tenant.slug, row),
            task_queue=queues.MOVEMENTS,
            task_timeout=WORKFLOW_TASK,
            id_reuse_policy=reuse,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            request_eager_start=eager,
            static_summary=row.summary,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(AMOUNT_MINOR, amount.minor),
                    SearchAttributePair(CURRENCY, amount.currency),
                ]
            ),
            rpc_timeout=RPC_TIMEOUT,
        )


class Starter:
    """Starts accepted commands and waits for what comes of them, a bounded number at a time."""

    def __init__(
        self,
        clients: Clients,
        commands: Commands,
        first: FirstOutcomes,
        *,
        eager: bool,
        admitted_max: int,
    ) -> None:
        self._clients = clients
        self._commands = commands
        self._first = first
        self._eager = eager
        self._admitted_max = admitted_max
        self.admitted = 0

    def admit(self) -> None:
        """Refuse at the door what could not be carried out soon. Raises Problem busy."""
        if self.admitted >= self._admitted_max:
            raise Problem("busy")

    async def prepare(self, tenant: Tenant) -> None:
        """Refuse at the door what could not be written in the tenant's ciphertext.

        Raises KeysAwayError or NoKeyError.
        """
        with contextlib.suppress(RPCError, OSError):
            client = await self._clients(tenant)
            await client.data_converter.encode([None])

    async def outcome(
        self, tenant: Tenant, row: CommandRow, *, new: bool, wait_s: float
    ) -> dict[str, Any] | None:
        """Start the movement if it is new; wait for its first outcome, at most so long.

        None: there is none yet. The command is accepted all the same, and will be carried out.
        """
        if row.outcome is not None:
            return row.outcome
        deadline = time.monotonic() + wait_s
        self.admitted += 1
        try:
            with self._first.expect(str(row.movement_id)) as future:
                await self._start(tenant, row, new=new)
                first_s = POLL_OWN_S if self._eager and new else POLL_FIRST_S
                return await self._wait(tenant, row, future, deadline, first_s)
        finally:
            self.admitted -= 1

    async def _start(self, tenant: Tenant, row: CommandRow, *, new: bool) -> None:
        """A repeat in flight waits like the first, and may find that the first never started."""
        try:
            client = await self._clients(tenant)
            await start(client, tenant, row, eager=self._eager and new)
        except (RPCError, OSError, KeysAwayError, NoKeyError):
            return  # The sweeper starts it as soon as Temporal answers again.

    async def _wait(
        self,
        tenant: Tenant,
        row: CommandRow,
        future: "asyncio.Future[Any]",
        deadline: float,
        pause: float,
    ) -> dict[str, Any] | None:
        while (left := deadline - time.monotonic()) > 0:
            done, _ = await asyncio.wait([future], timeout=min(pause, left))
            if done:
                return told(future.result())
            kept = await self._commands.find(tenant.id, row.movement_id)
            if kept is not None and kept.outcome is not None:
                return kept.outcome
            pause = min(pause * 1.5, POLL_LAST_S)
        return None
