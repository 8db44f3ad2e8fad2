"""A task that waits for people: done in time, late, and with its signal lost on the way."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.reactions import Asked, Occasion, ReactionActivities, TaskToDo
from workers.sandbox import RUNNER
from workflows.processes.human_task import HumanTask
from workflows.support import queues

HOUR_S = 3600


class Desk:
    """Where tasks lie; remembers what was asked of it."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.done = False

    async def open_task(self, task: TaskToDo) -> None:
        self.did.append("open")

    async def escalate_task(self, task: TaskToDo) -> bool:
        self.did.append("escalate")
        return not self.done

    async def is_done(self, task: TaskToDo) -> bool:
        self.did.append("look")
        return self.done

    async def react(self, occasion: Occasion) -> list[Asked]:
        raise AssertionError

    async def carry_out(self, occasion: Occasion, asked: Asked) -> None:
        raise AssertionError


@asynccontextmanager
async def waiting(
    environment: WorkflowEnvironment, desk: Desk, due_s: int | None
) -> AsyncGenerator[WorkflowHandle]:
    doors = ReactionActivities(desk)
    async with Worker(
        environment.client,
        task_queue=queues.REACTIONS,
        workflows=[HumanTask],
        activities=[doors.open_task, doors.escalate_task, doors.is_done],
        workflow_runner=RUNNER,
    ):
        task = TaskToDo(tenant="demo", tenant_id=1, id=str(uuid4()), due_s=due_s)
        yield await environment.client.start_workflow(
            HumanTask.run, task, id=f"demo/task/{task.id}", task_queue=queues.REACTIONS
        )


async def test_a_task_that_is_done_in_time_is_not_escalated(
    environment: WorkflowEnvironment,
) -> None:
    desk = Desk()
    async with waiting(environment, desk, HOUR_S) as task:
        await task.signal("done")
        await task.result()

    assert desk.did == ["open"]


async def test_a_late_task_is_escalated_and_still_waits(environment: WorkflowEnvironment) -> None:
    desk = Desk()
    async with waiting(environment, desk, HOUR_S) as task:
        await environment.sleep(timedelta(hours=2))
        assert desk.did == ["open", "escalate"]
        await task.signal("done")
        await task.result()

    assert desk.did == ["open", "escalate"]


async def test_a_task_whose_signal_was_lost_is_found_done_within_a_day(
    environment: WorkflowEnvironment,
) -> None:
    desk = Desk()
    async with waiting(environment, desk, None) as task:
        await environment.sleep(timedelta(days=1, hours=1))
        assert desk.did == ["open", "look"]
        desk.done = True
        await environment.sleep(timedelta(days=1, hours=1))
        await task.result()

    assert desk.did == ["open", "look", "look"]


async def test_a_task_done_just_before_it_is_late_is_not_escalated(
    environment: WorkflowEnvironment,
) -> None:
    desk = Desk()
    desk.done = True
    async with waiting(environment, desk, HOUR_S) as task:
        await task.result()

    assert desk.did == ["open", "escalate"]


async def test_a_task_that_waits_for_months_goes_on_in_a_fresh_history(
    environment: WorkflowEnvironment,
) -> None:
    desk = Desk()
    async with waiting(environment, desk, None) as task:
        await environment.sleep(timedelta(days=130))
        await task.signal("done")
        await task.result()

    assert desk.did.count("look") >= 100
    assert desk.did.count("open") == 2
