"""E-money issuance, as a process: recorded by one person, released by another."""

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.emoney_issuance import CANCEL, MAY_RELEASE, RECORD, RELEASE
from mmo.movements.support.outcome import Outcome, Request
from workflows.support.movement import MoneyMovement


@workflow.defn
class EmoneyIssuance(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        releases_at_once = MAY_RELEASE in request.envelope.granted
        recorded = await self.execute(request.then(RECORD.number, answers=not releases_at_once))
        if isinstance(recorded, Refused):
            return recorded
        if not releases_at_once:
            answered = await self.answer(request, "release")
            if answered is None:
                return await self.give_back(request, CANCEL, "expired")
            if answered.choice == "cancel":
                return await self.give_back(request, CANCEL, "cancelled", answered)
        released = await self.execute(request.then(RELEASE.number))
        if isinstance(released, Refused):
            return await self.give_back(request, CANCEL, released.code)
        return released
