"""The mender: finds out whether a movement's workflow goes on, and makes it go on where not.

The rows are what counts: a workflow that was ended, deleted or cannot be replayed is begun anew
under its id, and finds every step that the books took on record.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType, WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from api.start import request_of, start, workflow_id
from mmo.approvals import document_store
from mmo.movements.support.catalogue import movements
from mmo.movements.support.commands import CommandRow, Commands
from mmo.movements.support.deadlines import deadline_of
from mmo.movements.support.outcome import Request
from mmo.movements.support.stuck import Reason
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from workflows.support.signals import DECIDE, WAKE

ATTEMPTS_MAX = 3
"""A workflow task that failed so often is not going to pass by itself."""
OVERDUE = timedelta(minutes=1)
SETTLE_S, SETTLE_LOOKS = 0.5, 20
"""How long a workflow that was reset is given to show that its task passes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a movement is stuck."""

    reason: Reason
    detail: str


class Mender:
    """Looks at one movement's workflow, and mends it."""

    def __init__(self, commands: Commands, client: Client, tenant: Tenant) -> None:
        self._commands = commands
        self._client = client
        self._tenant = tenant

    async def examine(self, row: CommandRow) -> Finding | None:
        """Why the movement is stuck; None where it goes on. Raises RPCError."""
        described = await self._describe(row)
        if described is None:
            return Finding("ended", "Temporal knows no workflow of it")
        info, pending = described.workflow_execution_info, described.pending_workflow_task
        status = WorkflowExecutionStatus.Name(info.status).removeprefix(
            "WORKFLOW_EXECUTION_STATUS_"
        )
        if status == "PAUSED":
            return Finding("paused", "somebody paused its workflow")
        if status != "RUNNING":
            return Finding("ended", f"its workflow is {status.lower()}, and the movement waits")
        if pending.attempt >= ATTEMPTS_MAX:
            failed = pending.attempt - 1
            return Finding("task_fails", f"its workflow task has failed {failed} times")
        deadline = deadline_of(request_of(self._tenant, row))
        if deadline and datetime.now(UTC) > deadline + OVERDUE and not await self._asks(row):
            return Finding("overdue", f"its time was over at {deadline:%Y-%m-%d %H:%M:%S} UTC")
        return None

    async def mend(self, row: CommandRow, finding: Finding) -> str:
        """Make it go on; what was done, in words. Raises RPCError."""
        handle = self._client.get_workflow_handle(workflow_id(self._tenant.slug, row))
        if finding.reason == "ended":
            await self.begin_anew(row)
            return "begun anew from its rows"
        if finding.reason == "paused":
            await self._unpause(handle)
            return "its workflow goes on"
        if finding.reason == "overdue":
            await handle.signal(WAKE)
            return "woken"
        if await self._passes(handle):
            return "goes on by itself: the code is mended"
        if await self._reset(handle) and await self._passes(handle):
            await self._signal_again(handle, row)
            return "reset to before the task that failed, without its signals"
        await self.begin_anew(row)
        return "ended, and begun anew from its rows"

    async def begin_anew(self, row: CommandRow) -> None:
        """Start the workflow under its id from what the rows say; one that runs is ended first."""
        handle = self._client.get_workflow_handle(workflow_id(self._tenant.slug, row))
        try:
            await handle.terminate("it does not go on: begun anew from its rows")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        numbers = await self._commands.recorded_steps(row.tenant_id, row.movement_id)
        await start(
            self._client, self._tenant, row, eager=False,
            request=resumed(request_of(self._tenant, row), numbers),
            reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )  # fmt: skip

    async def _describe(self, row: CommandRow) -> Any | None:
        try:
            return await self._client.workflow_service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(
                    namespace=self._client.namespace,
                    execution=WorkflowExecution(workflow_id=workflow_id(self._tenant.slug, row)),
                )
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _asks(self, row: CommandRow) -> bool:
        """Whether people are asked for approval: that has a deadline of its own."""
        return await self._commands.asks_for_approval(row.tenant_id, row.movement_id)

    async def _passes(self, handle: WorkflowHandle[Any, Any]) -> bool:
        """Whether its workflow task passes by now."""
        await handle.signal(WAKE)
        for _ in range(SETTLE_LOOKS):
            described = (await handle.describe()).raw_description
            attempt = described.pending_workflow_task.attempt
            if attempt == 0:
                return True
            if 1 < attempt < ATTEMPTS_MAX:
                return False
            await asyncio.sleep(SETTLE_S)
        return False

    async def _reset(self, handle: WorkflowHandle[Any, Any]) -> bool:
        """Go back to the last task that passed, and leave the signals since then out."""
        last = 0
        async for event in handle.fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                last = event.event_id
        if not last:
            return False
        await self._client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=handle.id),
                reason="its workflow task fails",
                workflow_task_finish_event_id=last,
                request_id=str(uuid4()),
                reset_reapply_exclude_types=[
                    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
                ],
            )
        )
        return True

    async def _signal_again(self, handle: WorkflowHandle[Any, Any], row: CommandRow) -> None:
        """Signal what people had decided, from the database: it was left out with the rest."""
        async with scoped(self._commands.pool, row.tenant_id) as connection:
            found = await document_store.unread(connection, row.tenant_id, row.movement_id)
        for document in found:
            await handle.signal(DECIDE, document)

    async def _unpause(self, handle: WorkflowHandle[Any, Any]) -> None:
        await self._client.workflow_service.unpause_workflow_execution(
            UnpauseWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_id=handle.id,
                identity="mmo",
                reason="movements are not paused",
                request_id=str(uuid4()),
            )
        )


def resumed(request: Request, numbers: set[int]) -> Request:
    """The start of a later run: steps that were tried before go on under the numbers after."""
    movement, tried = movements()[request.movement], dict[str, int]()
    for step in movement.steps:
        used = [number for number in movement.tries(step) if number in numbers]
        if used and (step.repeats or step.number != movement.steps[0].number):
            tried[str(step.number)] = used[-1] - step.number + 1
    return replace(request, tried=tried, resumed=True)
