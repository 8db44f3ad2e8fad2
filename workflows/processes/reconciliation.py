"""A reconciliation: histories, journal and events of a span, part by part."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.reconciliations import Asked, Found, ReconciliationActivities, Slice
from workflows.support import queues
from workflows.support.bulk import part, step

QUEUE = queues.BULK
Does = ReconciliationActivities


@workflow.defn
class Reconciliation:
    """It reads, and moves nothing; a worker that dies goes on with the part that it was at."""

    @workflow.run
    async def run(self, asked: Asked) -> None:
        """Check all parts; one that fails again and again fails it."""
        try:
            parts: int = await step(Does.parts, asked, "look what is to be reconciled")
            checked = [await self._check(asked, number, parts) for number in range(parts)]
        except ActivityError:
            await step(Does.finish, Found(asked=asked), "give it up")
            workflow.set_current_details("**failed**")
            return
        await step(Does.finish, Found(asked=asked, parts=tuple(checked)), "put the parts together")
        broken = sum(one["broken"] for one in checked)
        workflow.set_current_details(f"done: {broken} breaks" if broken else "done: all fits")

    async def _check(self, asked: Asked, number: int, parts: int) -> dict[str, Any]:
        share = Slice(asked=asked, number=number)
        checked: dict[str, Any] = await part(Does.check, share, f"part {number + 1} of {parts}")
        workflow.set_current_details(f"{number + 1} of {parts} parts")
        return checked
