"""Refund, as a process: straight through."""

from temporalio import workflow

from mmo.movements.support.outcome import Outcome, Request
from workflows.support.movement import MoneyMovement


@workflow.defn
class Refund(MoneyMovement):
    @workflow.run
    async def run(self, request: Request) -> Outcome:
        return await self.execute(request)
