"""A reconciliation: histories, journal and events of a span, part by part."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.reconciliations import Asked, Found, ReconciliationActivities, Slice
from workflows.support import queues
from workflows.support.limits import A_FEW_TIMES, BULK_BEAT, BULK_STEP, DATABASE_CALL

QUEUE = queues.BULK
Does = ReconciliationActivities


@workflow.defn
class Reconciliation:
    """It reads, and moves nothing; a worker that dies goes on with the part that it was at."""

    @workflow.run
    async def run(self, asked: Asked) -> None:
        """Check all parts; one that fails again and again fails it."""
        try:
            parts: int = await _do(Does.parts, asked, "look what is to be reconciled")
            checked = [await self._check(asked, number, parts) for number in range(parts)]
        except ActivityError:
            await _do(Does.finish, Found(asked=asked), "give it up")
            workflow.set_current_details("**failed**")
            return
        await _do(Does.finish, Found(asked=asked, parts=tuple(checked)), "put the parts together")
        broken = sum(part["broken"] for part in checked)
        workflow.set_current_details(f"done: {broken} breaks" if broken else "done: all fits")

    async def _check(self, asked: Asked, number: int, parts: int) -> dict[str, Any]:
        checked: dict[str, Any] = await workflow.execute_activity_method(
            Does.check,
            Slice(asked=asked, number=number),
            start_to_close_timeout=BULK_STEP,
            heartbeat_timeout=BULK_BEAT,
            retry_policy=A_FEW_TIMES,
            summary=f"part {number + 1} of {parts}",
        )
        workflow.set_current_details(f"{number + 1} of {parts} parts")
        return checked


async def _do(door: Any, argument: Any, summary: str) -> Any:
    return await workflow.execute_activity_method(
        door,
        argument,
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=A_FEW_TIMES,
        summary=summary,
    )
