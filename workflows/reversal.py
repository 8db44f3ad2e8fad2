"""Reversal, as a process: straight through, or collected from a wallet that is short."""

import asyncio

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.reversal import COLLECT, COMPLETE
from mmo.movements.support.deadlines import LIEN_PATIENCE
from mmo.movements.support.outcome import Held, Outcome, Posted, Request
from workflows.support import steps
from workflows.support.limits import (
    GIVE_BACK_PAUSE,
    GIVE_BACK_PAUSE_MAX,
    LIEN_COLLECT_PAUSE,
    LIEN_COLLECTED_AT_ONCE,
)
from workflows.support.movement import MoneyMovement

EXPIRED = "lien_expired"


@workflow.defn
class Reversal(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        outcome = await self.execute(request)
        if not isinstance(outcome, Held):
            return outcome
        collected = await self._collect(request)
        return await self._complete(request, "" if collected else EXPIRED)

    async def _collect(self, request: Request) -> bool:
        """Take what the receiver gets, until it is enough; false where the time is over first."""
        deadline = workflow.now() + LIEN_PATIENCE
        number = COLLECT.number
        self._mark(COLLECT.state)
        while True:
            outcome = await steps.execute(request.then(number))
            if isinstance(outcome, Posted) and outcome.record["lien"]["left"] == 0:
                return True
            if not isinstance(outcome, Held):
                number += 1  # what was posted or refused stands under its number
            if number > COLLECT.number + LIEN_COLLECTED_AT_ONCE:
                await workflow.sleep(LIEN_COLLECT_PAUSE)
            self._say(request, ["waits for money on a wallet that was short"])
            if not await self.sleep(deadline, "for money on the wallet"):
                return False
            self.renew(request)

    async def _complete(self, request: Request, because: str) -> Outcome:
        """Pay out what was collected, number after number, until the books take it."""
        pause = GIVE_BACK_PAUSE
        for number in range(COMPLETE.number, COMPLETE.number + 100):
            outcome = await steps.execute(request.then(number, because=because))
            if isinstance(outcome, Posted) or (
                isinstance(outcome, Refused) and outcome.code == EXPIRED
            ):
                self._mark("answered")
                return outcome
            self._say(request, ["NEEDS ATTENTION: cannot pay out what was collected"])
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, GIVE_BACK_PAUSE_MAX)
        raise AssertionError("what was collected could not be paid out for days")
