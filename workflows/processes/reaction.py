"""What comes after an event by one rule: asked, written down, and carried out."""

from typing import Any

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

from activities.reactions import Asked, Occasion, ReactionActivities, TaskToDo
from workflows.processes.human_task import HumanTask
from workflows.support import queues
from workflows.support.limits import REACTION_STEP, UNTIL_IT_WORKS_LATER

QUEUE = queues.REACTIONS


@workflow.defn
class Reaction:
    """Ask one rule after one event. However often it fails, the event stands."""

    @workflow.run
    async def run(self, occasion: Occasion) -> list[str]:
        """Append what is to be done; carry out what no subscriber does."""
        asked = await workflow.execute_activity_method(
            ReactionActivities.react,
            occasion,
            start_to_close_timeout=REACTION_STEP,
            retry_policy=UNTIL_IT_WORKS_LATER,
            summary="ask what is to be done",
        )
        for one in asked:
            await self._see_to(occasion, one)
        return [one.kind for one in asked]

    async def _see_to(self, occasion: Occasion, asked: Asked) -> None:
        if asked.by == "activity":
            arguments: list[Any] = [occasion, asked]
            await workflow.execute_activity_method(
                ReactionActivities.carry_out,
                args=arguments,
                start_to_close_timeout=REACTION_STEP,
                retry_policy=UNTIL_IT_WORKS_LATER,
                summary=f"carry out: {asked.kind}",
            )
        elif asked.by == "task":
            await workflow.start_child_workflow(
                HumanTask.run,
                TaskToDo(
                    tenant=occasion.tenant,
                    tenant_id=occasion.tenant_id,
                    id=asked.id,
                    due_s=asked.due_s,
                ),
                id=f"{occasion.tenant}/task/{asked.id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary="a task for somebody",
            )
