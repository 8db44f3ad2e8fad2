"""The end of a day: what was cut off settles, is derived, balanced, told and closed for ever."""

from collections.abc import Callable
from typing import Any

from temporalio import workflow

from activities.days import ClosingDay, DayActivities
from workflows.support import queues
from workflows.support.limits import BULK_STEP, UNTIL_IT_WORKS

QUEUE = queues.BULK
Does = DayActivities


@workflow.defn
class EndOfDay:
    """Step by step, each until it works: a worker that dies goes on where it was.

    Money moves on meanwhile: the next day has begun with the cut-off.
    """

    @workflow.run
    async def run(self, day: ClosingDay) -> str:
        """Answer with the hash of the day."""
        await self._do(Does.settle, day, "wait for what was under way at the cut-off")
        journals = await self._do(Does.derive, day, "recognise revenue and expense")
        totals = await self._do(
            Does.balance, day, f"{journals} journals derived; balance the books"
        )
        reports = await self._do(Does.report, day, f"{totals}; write the reports")
        return await self._do(Does.close, day, f"{reports} reports; seal and close the day")

    async def _do(self, door: Callable[..., Any], day: ClosingDay, summary: str) -> Any:
        workflow.set_current_details(f"**{day.date}** {summary}")
        return await workflow.execute_activity_method(
            door,
            day,
            start_to_close_timeout=BULK_STEP,
            retry_policy=UNTIL_IT_WORKS,
            summary=summary,
        )
