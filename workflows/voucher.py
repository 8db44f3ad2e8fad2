"""Voucher, as a process: issued, then redeemed, claimed, or given back when its time is over."""

from temporalio import workflow

from mmo.kernel.refusals import Refused
from mmo.movements.support.outcome import Outcome, Posted, Request
from mmo.movements.voucher import CLAIM, EXPIRE, ISSUE, REDEEM, REDEMPTION
from workflows.support import steps
from workflows.support.movement import WOKEN, MoneyMovement


@workflow.defn
class Voucher(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        issued = await self.execute(request.then(ISSUE.number))
        if isinstance(issued, Refused):
            return issued
        paid = await self._claimed(request)  # The recipient may have registered just before.
        while not isinstance(paid, Posted):
            answered = await self.answer(request, REDEMPTION.name, wakes=True)
            if answered is None:
                return await self.give_back(request, EXPIRE, "expired")
            if answered is WOKEN:
                paid = await self._claimed(request)
            else:
                paid = await self.attempt(request, REDEEM, answered)
        return paid

    async def _claimed(self, request: Request) -> Outcome | None:
        """Pay it into the wallet of the recipient's number, if there is one by now."""
        wallet = await steps.find_recipient(request)
        if wallet is None:
            return None
        return await self.attempt(request, CLAIM, joined={"recipient": wallet})
