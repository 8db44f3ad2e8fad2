"""A task that somebody does: it waits for them, and for the clock."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from activities.reactions import ReactionActivities, TaskToDo
from workflows.support import queues
from workflows.support.limits import REACTION_STEP, TASK_LOOK, TASK_LOOKS_MAX, UNTIL_IT_WORKS
from workflows.support.signals import DONE, Handler, SignalReceiver

QUEUE = queues.REACTIONS
Does = ReactionActivities


@workflow.defn
class HumanTask(SignalReceiver):
    """Open a task, wait until it is done, and escalate it when it is late."""

    def __init__(self) -> None:
        super().__init__()
        self._done = False

    def signal_handlers(self) -> Mapping[str, Handler]:
        """`done` says that the task is: its row says so already."""
        return {DONE: self._finish}

    def _finish(self, _: Sequence[RawValue]) -> None:
        self._done = True

    @workflow.run
    async def run(self, task: TaskToDo) -> None:
        """Wait without limit; after the time that it was given, others may do it too."""
        await self._do(Does.open_task, task, "open the task")
        workflow.set_current_details("waits for somebody to do it")
        if task.due_s is not None and not await self._waited(timedelta(seconds=task.due_s)):
            if not await self._do(Does.escalate_task, task, "escalate: it is late"):
                return
            workflow.set_current_details("**late**: escalated")
        for _ in range(TASK_LOOKS_MAX):
            if await self._waited(TASK_LOOK) or await self._do(Does.is_done, task, "look at it"):
                workflow.set_current_details("done")
                return
        workflow.continue_as_new(
            TaskToDo(tenant=task.tenant, tenant_id=task.tenant_id, id=task.id, due_s=None)
        )

    async def _waited(self, patience: timedelta) -> bool:
        """Whether it was done within that time."""
        try:
            await workflow.wait_condition(lambda: self._done, timeout=patience)
        except TimeoutError:
            return False
        return True

    @staticmethod
    async def _do(step: Any, task: TaskToDo, summary: str) -> Any:
        return await workflow.execute_activity_method(
            step,
            task,
            start_to_close_timeout=REACTION_STEP,
            retry_policy=UNTIL_IT_WORKS,
            summary=summary,
        )
