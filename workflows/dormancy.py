"""Dormancy, as a process: money is set aside, and waits until somebody says whose it is."""

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.dormancy import ESCHEAT, RECLAIM, SET_ASIDE
from mmo.movements.support.outcome import Outcome, Posted, Request
from workflows.support.movement import MoneyMovement, refused


@workflow.defn
class Dormancy(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        set_aside = await self.execute(request.then(SET_ASIDE.number))
        if isinstance(set_aside, Refused):
            return set_aside
        while answered := await self.answer(request, "unclaimed-answer"):
            if answered.choice == "escheat":
                escheated = await self.attempt(request, ESCHEAT, answered)
                if isinstance(escheated, Posted):
                    return escheated
                continue
            reclaimed = await self.attempt(request, RECLAIM, answered, because="reclaimed")
            if isinstance(reclaimed, Posted):
                return refused("reclaimed", reclaimed)
        return await self.give_back(request, RECLAIM, "reclaimed")
