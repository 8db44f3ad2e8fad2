"""A back-test: yesterday's movements decided again under other rules, many parts side by side."""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.backtests import BacktestActivities, Counted, Finding, Part, Progress, Trial
from workflows.support import queues
from workflows.support.bulk import part, step
from workflows.support.limits import PARTS_AT_ONCE

QUEUE = queues.BULK
Does = BacktestActivities


@workflow.defn
class Backtest:
    """Count part by part, and put them together. It reads records and moves nothing."""

    def __init__(self) -> None:
        self._counted: dict[int, Counted] = {}

    @workflow.run
    async def run(self, trial: Trial) -> None:
        """Count all parts, a few at a time; a part that fails again and again fails it."""
        try:
            parts: int = await step(Does.parts, trial, "look what is to be tried")
            waiting = iter(range(parts))
            lanes = [self._lane(trial, waiting, parts) for _ in range(PARTS_AT_ONCE)]
            await asyncio.gather(*lanes)
        except ActivityError:
            await step(Does.finish, Finding(trial=trial), "give it up")
            workflow.set_current_details("**failed**")
            return
        counted = tuple(self._counted[number] for number in sorted(self._counted))
        await step(Does.finish, Finding(trial=trial, parts=counted), "put the parts together")
        workflow.set_current_details("done")

    async def _lane(self, trial: Trial, waiting: Any, parts: int) -> None:
        for number in waiting:
            share = Part(trial=trial, number=number)
            self._counted[number] = await part(Does.count, share, f"part {number + 1} of {parts}")
            done = len(self._counted)
            decisions = sum(one.tally["decisions"] for one in self._counted.values())
            progress = Progress(trial=trial, parts=done, decisions=decisions)
            await step(Does.progress, progress, f"{done} of {parts} parts are done")
            workflow.set_current_details(f"{done} of {parts} parts, {decisions} decisions")
