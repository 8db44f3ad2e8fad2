"""A back-test as a workflow: part by part, a worker that fails, and one that fails for ever."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.backtests import BacktestActivities, Counted, Finding, Part, Progress, Trial
from workers.sandbox import RUNNER
from workflows.processes.backtest import Backtest
from workflows.support import queues
from workflows.support.limits import PARTS_AT_ONCE


@dataclass
class Counters:
    """Counts ten decisions a part; `faults`: how often a part fails before it is counted."""

    wanted: int
    faults: dict[int, int] = field(default_factory=dict[int, int])
    at_once: int = 0
    most: int = 0
    told: list[Progress] = field(default_factory=list[Progress])
    finding: Finding | None = None

    async def parts(self, trial: Trial) -> int:
        return self.wanted

    async def count(self, part: Part) -> Counted:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if self.faults.get(part.number, 0) > 0:
            self.faults[part.number] -= 1
            raise OSError("the database is away")
        return Counted(tally={"decisions": 10, "part": part.number})

    async def progress(self, progress: Progress) -> None:
        self.told.append(progress)

    async def finish(self, finding: Finding) -> None:
        self.finding = finding


@asynccontextmanager
async def counting(
    environment: WorkflowEnvironment, counters: Counters
) -> AsyncGenerator[WorkflowHandle]:
    doors = BacktestActivities(counters)
    async with Worker(
        environment.client,
        task_queue=queues.BULK,
        workflows=[Backtest],
        activities=[doors.parts, doors.count, doors.progress, doors.finish],
        workflow_runner=RUNNER,
    ):
        trial = Trial(tenant="demo", tenant_id=1, id=str(uuid4()))
        yield await environment.client.start_workflow(
            Backtest.run, trial, id=f"demo/backtest/{trial.id}", task_queue=queues.BULK
        )


def parts_in(counters: Counters) -> list[int]:
    assert counters.finding is not None
    return [one.tally["part"] for one in counters.finding.parts]


async def test_parts_are_counted_a_few_at_a_time_and_put_together_in_order(
    environment: WorkflowEnvironment,
) -> None:
    counters = Counters(9)

    async with counting(environment, counters) as handle:
        await handle.result()

    assert parts_in(counters) == list(range(9))
    assert 1 < counters.most <= PARTS_AT_ONCE
    assert (counters.told[-1].parts, counters.told[-1].decisions) == (9, 90)


async def test_a_part_that_failed_is_counted_again_and_once(
    environment: WorkflowEnvironment,
) -> None:
    counters = Counters(3, {1: 2})

    async with counting(environment, counters) as handle:
        await handle.result()

    assert parts_in(counters) == [0, 1, 2]


async def test_a_part_that_never_works_fails_the_trial(environment: WorkflowEnvironment) -> None:
    counters = Counters(3, {1: 1000})

    async with counting(environment, counters) as handle:
        await handle.result()

    assert counters.finding is not None
    assert counters.finding.parts == ()
