"""Commands that move no money and wait: agreed to, declined, too late, and under changed rules."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.changes import ChangeActivities
from api.changing import change_workflow_id, start_change
from mmo.approvals.awaited import Awaited, Choice, Vote
from mmo.approvals.documents import write
from mmo.changes.support.asked import Parked, WentOn
from mmo.changes.support.changes import Changes
from mmo.kernel.envelope import Actor
from tests.mmo.changes.asking import MANAGER, asked, audited, changes_of, state_of
from tests.mmo.moving import rows
from tests.workflows.house import TENANT, House
from tests.workflows.ruled import give_roles, put_rule, retire
from workers.changes import begin_ended_anew, start_forgotten
from workers.fleet import approvals_of
from workers.sandbox import RUNNER
from workflows.processes.change import Change
from workflows.support import queues

DAY = timedelta(days=1)
RISK = {"expression": "false", "message": "risk must agree", "otherwise": "ask", "roles": ["risk"]}


class DyingBook(Changes):
    """Dies once after each commit, before anybody hears of it."""

    died = 0

    async def go_on(self, awaited: Awaited) -> WentOn:
        went = await super().go_on(awaited)
        if activity.info().attempt == 1:
            self.died += 1
            raise RuntimeError("killed")
        return went


def worker(house: House, book: Changes, queue: str = queues.CHANGES) -> Worker:
    doors = ChangeActivities(book)
    return Worker(
        house.client,
        task_queue=queue,
        workflows=[Change],
        activities=[doors.carry_out, doors.end, *approvals_of(house.approvals)],
        workflow_runner=RUNNER,
        build_id="tests",
    )


@pytest.fixture
async def guarded(opened: House) -> AsyncGenerator[House]:
    """Alice is frozen; a manager must agree that she is unfrozen."""
    for subject in ("manager-1", "manager-2"):
        await give_roles(opened.pool, subject, "manager")
    await put_rule(opened.pool, "expression", "wallet.unfreeze", MANAGER)
    changes = changes_of(opened)
    await changes.run(asked("wallet.freeze", f"wallet/{opened.identifier('alice')}"))
    async with worker(opened, changes):
        yield opened


async def parked(house: House, *, begun: bool = True) -> Awaited:
    asking = asked("wallet.unfreeze", f"wallet/{house.identifier('alice')}")
    waits = await changes_of(house).run(asking)
    assert isinstance(waits, Parked)
    if begun:
        await start_change(house.client, waits.awaited)
        await start_change(house.client, waits.awaited)
    return waits.awaited


def handle(house: House, awaited: Awaited) -> WorkflowHandle[Any, Any]:
    return house.client.get_workflow_handle(change_workflow_id(awaited.tenant, awaited.id))


async def decide(
    house: House, awaited: Awaited, by: str, choice: Choice = "approve", **changes: str
) -> None:
    actor, about = Actor(subject=by, client="tests"), changes.get("about", awaited.about)
    document = await write(house.keys, TENANT.slug, actor, about=about, choice=choice)
    await handle(house, awaited).signal("decide", document)


async def ended(house: House, awaited: Awaited) -> tuple[str, str]:
    """State and refusal of the change, once its workflow has closed; its history replays."""
    while True:
        told = await handle(house, awaited).describe()
        if told.close_time is not None:
            break
        await asyncio.sleep(0.05)
    again = Replayer(
        workflows=[Change], workflow_runner=RUNNER, data_converter=pydantic_data_converter
    )
    await again.replay_workflow(await handle(house, awaited).fetch_history())
    sql = "SELECT state, coalesce(refusal ->> 'code', '') FROM changes.change WHERE id = %s"
    (row,) = await rows(house.pool, sql, awaited.id)
    return row[0], row[1]


async def approval(house: House, awaited: Awaited) -> str:
    sql = "SELECT state FROM approvals.approval WHERE id = %s"
    return (await rows(house.pool, sql, awaited.id))[0][0]


async def test_what_a_manager_agrees_to_is_carried_out(guarded: House) -> None:
    awaited = await parked(guarded)
    assert await state_of(guarded, "alice") == "frozen"

    await decide(guarded, awaited, "manager-1")

    assert await ended(guarded, awaited) == ("done", "")
    assert await state_of(guarded, "alice") == "active"
    assert await approval(guarded, awaited) == "approved"


async def test_what_a_worker_died_over_is_carried_out_once(guarded: House) -> None:
    awaited = await parked(guarded, begun=False)
    book = DyingBook(guarded.pool, changes_of(guarded)._snapshots, lambda: None)  # noqa: SLF001
    async with worker(guarded, book, "dying"):
        named = change_workflow_id(awaited.tenant, awaited.id)
        await guarded.client.start_workflow(Change.run, awaited, id=named, task_queue="dying")
        await decide(guarded, awaited, "manager-1")
        assert await ended(guarded, awaited) == ("done", "")

    assert book.died == 1
    told = "SELECT count(*) FROM messaging.event WHERE type = 'mmo.wallet.unfrozen.v1'"
    assert await rows(guarded.pool, told) == [(1,)]


ENDINGS = {
    "rejected": ("manager-1", "reject", "declined"),
    "cancelled": ("clerk", "cancel", "cancelled"),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_somebody_stops_changes_nothing(guarded: House, ending: str) -> None:
    by, choice, code = ENDINGS[ending]
    awaited = await parked(guarded)

    await decide(guarded, awaited, by, choice)  # type: ignore[arg-type]

    assert await ended(guarded, awaited) == ("refused", code)
    assert await state_of(guarded, "alice") == "frozen"
    assert await approval(guarded, awaited) == ending


async def test_what_nobody_agrees_to_in_time_changes_nothing(
    guarded: House, environment: WorkflowEnvironment
) -> None:
    awaited = await parked(guarded)

    await environment.sleep(DAY + timedelta(hours=1))

    assert await ended(guarded, awaited) == ("refused", "expired")
    assert await state_of(guarded, "alice") == "frozen"


@pytest.mark.case("I1", "I3")
async def test_votes_that_do_not_count_leave_it_waiting(guarded: House) -> None:
    awaited = await parked(guarded)

    await decide(guarded, awaited, "clerk")
    await decide(guarded, awaited, "manager-1", about="0" * 64)
    await decide(guarded, awaited, "manager-2")

    assert await ended(guarded, awaited) == ("done", "")
    told = await audited(guarded, f"change/{awaited.id}")
    assert [reason for _, outcome, reason in told if outcome == "refused"] == [
        "by the maker", "about another request",
    ]  # fmt: skip


@pytest.mark.case("I6")
async def test_a_rule_that_became_stricter_meanwhile_asks_for_more(guarded: House) -> None:
    await give_roles(guarded.pool, "risk-1", "risk")
    awaited = await parked(guarded)
    ((rule,),) = await rows(guarded.pool, "SELECT id FROM bep.definition")
    await retire(guarded.pool, rule)
    await put_rule(guarded.pool, "expression", "wallet.unfreeze", RISK)

    await decide(guarded, awaited, "manager-1")
    await asyncio.sleep(0.5)
    still = await state_of(guarded, "alice")
    await decide(guarded, awaited, "risk-1")

    assert still == "frozen"
    assert await ended(guarded, awaited) == ("done", "")


async def test_a_change_whose_workflow_was_ended_by_hand_is_carried_out_by_the_next(
    guarded: House,
) -> None:
    awaited = await parked(guarded)
    for _ in range(200):
        if await rows(guarded.pool, "SELECT 1 FROM approvals.approval"):
            break
        await asyncio.sleep(0.05)
    await handle(guarded, awaited).terminate("by hand")

    await begin_ended_anew(TENANT, guarded.client, changes_of(guarded))
    await decide(guarded, awaited, "manager-1")

    assert await ended(guarded, awaited) == ("done", "")


async def test_votes_that_no_row_has_carry_no_change_out(guarded: House) -> None:
    awaited = await parked(guarded)
    forged = replace(awaited, given=(Vote(subject="manager-1", choice="approve",
                                          roles=("manager",)),))  # fmt: skip

    went = await changes_of(guarded).go_on(forged)

    assert went.asks
    assert await state_of(guarded, "alice") == "frozen"


async def test_what_was_accepted_and_never_began_is_started(guarded: House) -> None:
    awaited = await parked(guarded, begun=False)

    class Register:
        async def all(self) -> list[Any]:
            return [TENANT]

    async def clients(_: Any) -> Any:
        return guarded.client

    register: Any = Register()
    client_of: Any = clients
    looking = asyncio.create_task(
        start_forgotten(register, client_of, changes_of(guarded), look_s=0.1)
    )
    try:
        for _ in range(200):
            if await rows(guarded.pool, "SELECT 1 FROM approvals.approval"):
                break
            await asyncio.sleep(0.05)
    finally:
        looking.cancel()

    await decide(guarded, awaited, "manager-1")
    assert await ended(guarded, awaited) == ("done", "")
