"""Payment request, as a process: asked, then paid by the customer's yes, or not."""

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.payment_request import ASK, PAY
from mmo.movements.support.outcome import Outcome, Request
from workflows.support.movement import MoneyMovement


@workflow.defn
class PaymentRequest(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        if "authorisation" in request.command:  # the customer has said yes before
            return await self.execute(request.then(PAY.number))
        asked = await self.execute(request.then(ASK.number))
        if isinstance(asked, Refused):
            return asked
        answered = await self.answer(request, "payment-answer")
        if answered is None:
            return await self.release(request.then(ASK.number), "expired")
        if answered.choice == "decline":
            return await self.release(request.then(ASK.number), "declined")
        return await self.execute(request.then(PAY.number))
