"""A command that moves no money, and waits until people have agreed to it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from temporalio import workflow

from activities.changes import ChangeActivities
from mmo.approvals.awaited import Awaited
from mmo.changes.support.asked import WentOn
from workflows.support import queues
from workflows.support.approvals import REASONS, AwaitsDecisions
from workflows.support.limits import DATABASE_CALL, HISTORY_EVENTS_MAX, UNTIL_IT_WORKS

QUEUE = queues.CHANGES
Does = ChangeActivities


@workflow.defn
class Change(AwaitsDecisions):
    """Wait for agreement, and put the change to the rules once more: the stricter of both binds."""

    @workflow.run
    async def run(self, awaited: Awaited) -> str:
        """Carry it out, or end it; the refusal's code, or an empty text."""
        while True:
            awaited, ending = await self.agreement(awaited, partial(self._renew, awaited))
            if ending is not None:
                code: str = await _do(Does.end, awaited, REASONS[ending], summary=ending)
                await self.end_approval(awaited, ending)
                return code
            went: WentOn = await _do(Does.carry_out, awaited, summary=awaited.event)
            if not went.asks:
                await self.end_approval(awaited, "refused" if went.code else "approved")
                return went.code
            awaited = replace(awaited, asks=went.asks)

    def _renew(self, awaited: Awaited) -> None:
        """Go on in a fresh history where this one is long: votes are on record."""
        length = workflow.info().get_current_history_length()
        if not self._documents and length >= HISTORY_EVENTS_MAX:
            workflow.continue_as_new(awaited)

    def describe(self, awaited: Awaited, state: Sequence[str]) -> None:
        """Tell whoever looks at it what it is, and whose agreement it waits for."""
        about = awaited.summary
        lines = [f"**{about['title']}** {about['object']}", "", *state]
        workflow.set_current_details("\n".join(lines))


async def _do(door: Any, *arguments: Any, summary: str) -> Any:
    return await workflow.execute_activity_method(
        door,
        args=list(arguments),
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary=summary,
    )
