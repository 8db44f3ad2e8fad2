"""Movements whose process does not go on are listed, mended from their rows, and end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    PauseWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
)
from temporalio.service import RPCError

from mmo.movements.support import stuck
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.outcome import Outcome, Request
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.scope import scoped
from tests.mmo.moving import rows
from tests.servers.postgres import Database
from tests.support.waiting_movements import WAITING
from tests.workflows.house import TENANT, House, give_everybody_money, house
from workers.sweeper import Sweeper
from workers.wiring import TenantClients
from workflows.escrow import Escrow
from workflows.support.movement import MoneyMovement

PATIENCE_S = 60.0


@pytest.fixture
async def opened(
    clients: TenantClients, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    settings = database.settings("mmo_background", database_pool_max=8)
    async with (
        house(settings, await clients(TENANT), tmp_path / "keys") as started,
        started.worker(),
    ):
        await give_everybody_money(started)
        yield started


def sweeper(opened: House, clients: TenantClients, mend_first_s: float = 0.0) -> Sweeper:
    return Sweeper(
        opened.commands, TenantRegister(opened.pool), clients, 0.0, mend_first_s=mend_first_s
    )


async def listed(opened: House) -> list[str]:
    async with scoped(opened.pool, TENANT.id) as connection:
        return [one.reason for one in await stuck.find_all(connection, TENANT.id)]


async def cancel(opened: House, row: CommandRow) -> None:
    await opened.handle(row).cancel()
    await closed(opened, row)


async def terminate(opened: House, row: CommandRow) -> None:
    await opened.handle(row).terminate("by hand")


async def terminate_during_a_task(opened: House, row: CommandRow) -> None:
    handle = opened.handle(row)
    signalled = asyncio.ensure_future(handle.signal("wake"))
    await handle.terminate("by hand")
    await asyncio.gather(signalled, return_exceptions=True)


async def delete(opened: House, row: CommandRow) -> None:
    await opened.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=TENANT.namespace,
            workflow_execution=WorkflowExecution(workflow_id=opened.handle(row).id),
        )
    )
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await opened.handle(row).describe()
            except RPCError:
                return
            await asyncio.sleep(0.1)


async def reset(opened: House, row: CommandRow) -> None:
    """To each point: after each of its tasks that passed."""
    history = await opened.handle(row).fetch_history()
    points = [
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    run = history.run_id
    for point in points:
        await opened.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=TENANT.namespace,
                workflow_execution=WorkflowExecution(workflow_id=opened.handle(row).id, run_id=run),
                reason="by hand",
                workflow_task_finish_event_id=point,
                request_id=str(uuid4()),
            )
        )


async def pause(opened: House, row: CommandRow) -> None:
    await opened.client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=TENANT.namespace, workflow_id=opened.handle(row).id, identity="by hand",
            reason="by hand", request_id=str(uuid4()),
        )
    )  # fmt: skip


async def closed(opened: House, row: CommandRow) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await opened.handle(row).describe()).close_time is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


CLICKS: dict[str, Callable[[House, CommandRow], Awaitable[None]]] = {
    "cancel": cancel,
    "terminate": terminate,
    "terminate during a task": terminate_during_a_task,
    "delete": delete,
    "reset": reset,
}


async def in_between(opened: House) -> list[Any]:
    """What lies on accounts that belong to one movement, or is held."""
    return await rows(
        opened.pool,
        """SELECT code, posted FROM ledger.account WHERE instance_txn IS NOT NULL AND posted <> 0
            UNION ALL SELECT 'hold', held FROM ledger.account WHERE held <> 0""",
    )


async def ends(opened: House, row: CommandRow, state: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            kept = await opened.commands.find(row.tenant_id, row.movement_id)
            if kept and kept.outcome and kept.state == state:
                return kept.outcome
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("click", CLICKS)
@pytest.mark.parametrize("name", sorted(WAITING))
async def test_whatever_staff_click_a_waiting_movement_ends_by_its_answer(
    opened: House, clients: TenantClients, name: str, click: str
) -> None:
    case, sweeping = WAITING[name], sweeper(opened, clients)
    row = await case.begin(opened)

    await CLICKS[click](opened, row)
    await sweeping.sweep()
    await sweeping.sweep()
    still = await opened.commands.find(row.tenant_id, row.movement_id)
    await case.answer(opened, row)
    outcome = await ends(opened, row, case.state)

    assert still is not None
    assert still.state.startswith("pending")
    assert outcome["code"] == case.code
    assert await in_between(opened) == []
    await asyncio.wait_for(opened.handle(row).result(), PATIENCE_S)
    await sweeping.sweep()
    assert await listed(opened) == []


async def test_an_answer_that_was_lost_with_its_workflow_is_read_by_the_next(
    opened: House, clients: TenantClients
) -> None:
    case = WAITING["escrow"]
    row = await case.begin(opened)
    await opened.handle(row).terminate("by hand")
    with pytest.raises(RPCError):
        await case.answer(opened, row)

    await sweeper(opened, clients).sweep()

    assert (await ends(opened, row, "posted"))["code"] is None


async def test_a_stuck_movement_is_listed_before_it_is_mended(
    opened: House, clients: TenantClients
) -> None:
    row = await WAITING["escrow"].begin(opened)
    await opened.handle(row).terminate("by hand")

    await sweeper(opened, clients, mend_first_s=3600.0).sweep()

    assert await listed(opened) == ["ended"]


@workflow.defn(name="Escrow", sandboxed=False)
class BrokenEscrow(MoneyMovement):
    """A version whose tasks fail once anything is signalled to it."""

    @workflow.run
    async def run(self, request: Request) -> Outcome:
        outcome = await self.execute(request)
        await workflow.wait_condition(lambda: bool(self._documents))
        del outcome
        raise RuntimeError("this version is broken")


async def broken(opened: House, clients: TenantClients, database: Database) -> CommandRow:
    """An escrow whose workflow task fails under a version that cannot take its answer in."""
    del clients, database
    row = await opened.begin("escrow", customer="alice", merchant="shop")
    await opened.outcome(row)
    await WAITING["escrow"].answer(opened, row)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            described = (await opened.handle(row).describe()).raw_description
            if described.pending_workflow_task.attempt >= 3:
                return row
            await asyncio.sleep(0.2)


async def test_a_movement_whose_task_fails_ends_once_the_code_is_mended(
    clients: TenantClients, database: Database, tmp_path: Path
) -> None:
    settings = database.settings("mmo_background", database_pool_max=8)
    async with house(settings, await clients(TENANT), tmp_path / "keys") as started:
        async with started.worker():
            await give_everybody_money(started)
        async with started.worker(replaced={Escrow: BrokenEscrow}):
            row = await broken(started, clients, database)
            await sweeper(started, clients, mend_first_s=3600.0).sweep()
            found = await listed(started)
        async with started.worker():
            sweeping = sweeper(started, clients)
            await sweeping.sweep()
            await ends(started, row, "posted")
            await asyncio.wait_for(started.handle(row).result(), PATIENCE_S)
            await sweeping.sweep()
            left = await listed(started)

        assert (found, left) == (["task_fails"], [])
        assert await in_between(started) == []
