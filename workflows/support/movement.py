"""What every money movement shares: its verbs, and the door where answers come in."""

import asyncio
from collections import deque
from datetime import timedelta

from temporalio import workflow

from mmo.kernel.refusals import REFUSALS, Refused
from mmo.movements.support.catalogue import movements
from mmo.movements.support.movement import Step
from mmo.movements.support.outcome import Outcome, Posted, Request
from mmo.movements.support.ports import Answered
from workflows.support import steps
from workflows.support.attributes import MOVEMENT_STATE
from workflows.support.limits import (
    ANSWER_PATIENCE,
    ANSWERS_QUEUED_MAX,
    GIVE_BACK_PAUSE,
    GIVE_BACK_PAUSE_MAX,
    GIVE_BACK_TRIES_MAX,
)


class MoneyMovement:
    """The base of every process."""

    def __init__(self) -> None:
        self._documents: deque[str] = deque()
        self._ignored: list[str] = []

    @workflow.signal
    def decide(self, document: str) -> None:
        """Take in the signed document of an answer; it is verified before it counts."""
        if len(self._documents) < ANSWERS_QUEUED_MAX:
            self._documents.append(document)

    async def execute(self, request: Request) -> Outcome:
        """Admit the step and post it."""
        return await steps.execute(request)

    async def reserve(self, request: Request) -> Outcome:
        """Admit the step and set its debits aside."""
        return await steps.reserve(request)

    async def settle(self, request: Request) -> Outcome:
        """Post what was set aside."""
        return await steps.settle(request)

    async def release(self, request: Request, because: str) -> Outcome:
        """Give back what was set aside, for the reason of a refusal code."""
        return await steps.release(request.then(request.step, because=because))

    async def answer(self, request: Request, name: str) -> Answered | None:
        """Wait for a genuine answer of that name; None when nobody answered in time.

        Documents that prove nothing stay in the history, are named in the details, and are ignored.
        """
        self._describe(request, f"waits for `{name}`")
        self._mark(movements()[request.movement].step(request.step).state)
        deadline = workflow.now() + ANSWER_PATIENCE
        while (left := deadline - workflow.now()) > timedelta(0):
            try:
                await workflow.wait_condition(
                    lambda: bool(self._documents), timeout=left, timeout_summary=f"wait for {name}"
                )
            except TimeoutError:
                break
            answered = await steps.verify_answer(request, self._documents.popleft())
            if isinstance(answered, Answered) and answered.name == name:
                self._describe(request, f"{answered.subject} answered `{answered.choice}`")
                self._mark("answered")
                return answered
            self._ignored.append(answered if isinstance(answered, str) else answered.name)
            self._describe(request, f"waits for `{name}`")
        return None

    async def give_back(self, request: Request, step: Step, because: str) -> Outcome:
        """Post a step that returns money, number after number, until the books take it."""
        pause = GIVE_BACK_PAUSE
        for number in range(step.number, step.number + GIVE_BACK_TRIES_MAX):
            outcome = await steps.execute(request.then(number, because=because))
            if isinstance(outcome, Posted):
                return Refused(because, REFUSALS[because], {}, outcome.record, outcome.position)
            code = outcome.code if isinstance(outcome, Refused) else outcome.outcome
            self._describe(request, f"NEEDS ATTENTION: cannot give back ({code}), tries again")
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, GIVE_BACK_PAUSE_MAX)
        raise AssertionError("the money could not be given back for more than a month")

    def _mark(self, state: str) -> None:
        """Let lists of workflows be searched by the state of those that wait, or waited."""
        workflow.upsert_search_attributes([MOVEMENT_STATE.value_set(state)])

    def _describe(self, request: Request, state: str) -> None:
        """Tell whoever looks at the waiting movement what it waits for."""
        command, movement = request.command, movements()[request.movement]
        amount = f"{command['amount']['currency']} {command['amount']['value']}"
        lines = [f"**{movement.title}** {amount}", "", state]
        lines += [f"- ignored: {why}" for why in self._ignored]
        workflow.set_current_details("\n".join(lines))
