"""E-money redemption, as a process: e-money waits for the bank, which pays out or does not."""

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.emoney_redemption import PAY, REQUEST, RETURN
from mmo.movements.support.outcome import Outcome, Posted, Request
from workflows.support.movement import MoneyMovement


@workflow.defn
class EmoneyRedemption(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        requested = await self.execute(request.then(REQUEST.number))
        if isinstance(requested, Refused):
            return requested
        while True:  # Asked about until it is known, and never timed out into a refund.
            answered = await self.answer(request, "bank-answer")
            if answered is None:
                continue
            if answered.choice == "not_paid":
                return await self.give_back(request, RETURN, "returned_by_bank", answered)
            paid = await self.attempt(request, PAY, answered)
            if isinstance(paid, Posted):
                return paid
