"""Escrow, as a process: funded, then released, cancelled, or given back when its time is over."""

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.escrow import FUND, RELEASE, RETURN
from mmo.movements.support.outcome import Outcome, Posted, Request
from workflows.support.movement import MoneyMovement


@workflow.defn
class Escrow(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        funded = await self.execute(request.then(FUND.number))
        if isinstance(funded, Refused):
            return funded
        while answered := await self.answer(request, "escrow-release", "escrow-cancel"):
            if answered.choice == "cancel":
                return await self.give_back(request, RETURN, "cancelled", answered)
            released = await self.attempt(request, RELEASE, answered)
            if isinstance(released, Posted):
                return released
        return await self.give_back(request, RETURN, "expired")
