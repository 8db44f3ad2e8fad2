"""Payment request, as a process: asked, then paid by the customer's yes, or not."""

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.payment_request import ASK, PAY
from mmo.movements.support.outcome import Outcome, Posted, Request
from workflows.support.movement import MoneyMovement

WAITS_ON = "2026-12-payment-request-waits-on"
"""Before it, a yes that the books refused ended the request."""


@workflow.defn
class PaymentRequest(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        if "authorisation" in request.command:  # the customer has said yes before
            return await self.execute(request.then(PAY.number))
        asked = await self.execute(request.then(ASK.number))
        if isinstance(asked, Refused):
            return asked
        while answered := await self.answer(request, "payment-answer"):
            if answered.choice == "decline":
                return await self.release(request.then(ASK.number), "declined")
            paid = await self.attempt(request, PAY, answered)
            if isinstance(paid, Posted) or (paid is not None and self.approval_ended):
                return paid
            if paid is not None and not workflow.patched(WAITS_ON):
                return paid
        return await self.release(request.then(ASK.number), "expired")
