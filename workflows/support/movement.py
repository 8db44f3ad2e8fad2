"""What every money movement shares: its verbs, and the door where answers come in."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from mmo.approvals.awaited import Awaited, Ending, binding
from mmo.kernel.refusals import REFUSALS, Refused
from mmo.movements.support.catalogue import movements
from mmo.movements.support.deadlines import ANSWER_PATIENCE, deadline_of
from mmo.movements.support.movement import Step
from mmo.movements.support.outcome import Held, Outcome, Posted, Released, Request
from mmo.movements.support.ports import Answered
from workflows.support import steps
from workflows.support.approvals import REASONS, AwaitsDecisions, approvals_of, asks_of
from workflows.support.attributes import MOVEMENT_STATE
from workflows.support.limits import (
    GIVE_BACK_PAUSE,
    GIVE_BACK_PAUSE_MAX,
    GIVE_BACK_TRIES_MAX,
    HISTORY_EVENTS_MAX,
)
from workflows.support.signals import DECIDE, WAKE, Handler

WOKEN = Answered(name="woken", choice="", subject="")
"""Nobody answered, and something happened: it is time to look at the facts."""


class MoneyMovement(AwaitsDecisions):
    """The base of every process."""

    def __init__(self) -> None:
        super().__init__()
        self._woken = False
        self._recalled = False
        self.approval_ended = False
        """Whether people ended it, by a no or by saying nothing: what was held is free."""
        self._tried: dict[int, int] = {}
        """Number of a step → how often it was tried."""

    def signal_handlers(self) -> Mapping[str, Handler]:
        """`wake` says that something happened, besides the decisions."""
        return {**super().signal_handlers(), WAKE: self._wake}

    def _wake(self, _: Sequence[RawValue]) -> None:
        """Nothing is believed: the process looks by its facts, and the history tells what came."""
        self._woken = True

    async def sleep(self, until: datetime, why: str) -> bool:
        """Sleep until woken, or until a moment; false where nothing woke it.

        What happened since it last slept counts: it comes back at once. Nobody is asked anything.
        """
        left = max(until - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(
                lambda: self._woken, timeout=left, timeout_summary=f"sleep: {why}"
            )
        except TimeoutError:
            return False
        self._woken = False
        while self._documents:
            self._documents.popleft()
            self.drop(DECIDE, "nobody is asked to decide")
        return True

    def renew(self, request: Request) -> None:
        """Go on in a fresh history where this one is long; each step is on record, and is found.

        What was signalled is read before: a document need not be recorded anywhere else.
        """
        length = workflow.info().get_current_history_length()
        if self._documents or length < HISTORY_EVENTS_MAX:
            return
        first = movements()[request.movement].steps[0].number
        tried = {**request.tried, **{str(step): n for step, n in self._tried.items()}}
        asked = replace(request.then(first), tried=tried, resumed=True)
        workflow.continue_as_new(asked)

    async def execute(self, request: Request) -> Outcome:
        """Admit the step and post it; wait for approval where, and as often as, rules ask."""
        outcome = await steps.execute(request)
        if isinstance(outcome, Held) and outcome.asks:
            return await self._approved(request, outcome)
        return outcome

    async def reserve(self, request: Request) -> Outcome:
        """Admit the step and set its debits aside."""
        return await steps.reserve(request)

    async def settle(self, request: Request) -> Outcome:
        """Post what was set aside."""
        return await steps.settle(request)

    async def release(self, request: Request, because: str) -> Outcome:
        """Give back what was set aside, for the reason of a refusal code."""
        return await steps.release(request.then(request.step, because=because))

    async def answer(self, request: Request, *names: str, wakes: bool = False) -> Answered | None:
        """Wait for a genuine answer of one of the names; None when nobody answered in time.

        `wakes`: come back with WOKEN, too, where something may have happened that concerns it.
        Documents that prove nothing stay in the history, are named in the details, and are ignored.
        """
        if request.resumed and not self._recalled:
            self._recalled = True
            found = await steps.find_unread_answers(request)
            self._documents.extend(one for one in found if one not in self._documents)
        name = " or ".join(names)
        deadline = deadline_of(request) or workflow.now() + ANSWER_PATIENCE
        waits = f"waits for `{name}` until {deadline:%Y-%m-%d %H:%M} UTC"
        self._say(request, [waits, *self._named()])
        self._mark(movements()[request.movement].step(request.step).state)
        while (left := deadline - workflow.now()) > timedelta(0):
            self.renew(request)
            try:
                await workflow.wait_condition(
                    lambda: bool(self._documents) or (wakes and self._woken),
                    timeout=left,
                    timeout_summary=f"wait for {name}",
                )
            except TimeoutError:
                break
            if not self._documents:
                self._woken = False
                return WOKEN
            answered = await steps.verify_answer(request, self._documents.popleft())
            if isinstance(answered, Answered) and answered.name in names:
                self._say(request, [f"{answered.subject} answered `{answered.choice}`"])
                self._mark("answered")
                return answered
            self._ignored.append(answered if isinstance(answered, str) else answered.name)
            self._say(request, [waits, *self._named()])
        return None

    async def attempt(
        self,
        request: Request,
        step: Step,
        answered: Answered | None = None,
        *,
        joined: Mapping[str, str] | None = None,
        because: str = "",
    ) -> Outcome | None:
        """Try a step with what an answer brings along, each time under a number of its own.

        A refusal leaves the movement waiting. None: it was refused too often to be tried again.
        """
        numbers = movements()[request.movement].tries(step)
        tried = self._tries(request, step)
        if tried == len(numbers):
            self._ignored.append(f"{step.event} was refused too often")
            return None
        self._tried[step.number] = tried + 1
        asked = request.then(numbers[tried], because=because)
        if answered is not None:
            return await self.execute(_resting_on(asked, answered))
        return await self.execute(asked.joining(joined or {}))

    def _tries(self, request: Request, step: Step) -> int:
        """How often a step was tried, by the runs before this one too."""
        return self._tried.get(step.number, request.tried.get(str(step.number), 0))

    async def give_back(
        self, request: Request, step: Step, because: str, answered: Answered | None = None
    ) -> Outcome:
        """Post a step that returns money, number after number, until the books take it."""
        pause = GIVE_BACK_PAUSE
        numbers = movements()[request.movement].tries(step)
        for number in numbers[self._tries(request, step) :][:GIVE_BACK_TRIES_MAX]:
            asked = request.then(number, because=because)
            outcome = await steps.execute(_resting_on(asked, answered) if answered else asked)
            if isinstance(outcome, Posted):
                return refused(because, outcome)
            code = outcome.code if isinstance(outcome, Refused) else outcome.outcome
            self._say(request, [f"NEEDS ATTENTION: cannot give back ({code}), tries again"])
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, GIVE_BACK_PAUSE_MAX)
        raise AssertionError("the money could not be given back for more than a month")

    async def _approved(self, request: Request, held: Held) -> Outcome:
        """Wait for what rules ask, then put it to them once more: the stricter of both binds."""
        self._mark("pending_approval")
        awaited = awaited_of(request, held)
        while True:
            awaited, ending = await self.agreement(awaited, partial(self.renew, request))
            if ending is not None:
                return await self._ended(request, awaited, ending, REASONS[ending])
            asking = request.agreed(asks_of(awaited), approvals_of(awaited))
            outcome = await self.settle(asking)
            if isinstance(outcome, Refused):
                await self._ended(request, awaited, "refused", outcome.code)
                return outcome
            if not isinstance(outcome, Held) or not outcome.asks:
                await self.end_approval(awaited, "approved")
                self._mark("answered")
                return outcome
            awaited = replace(awaited, asks=tuple(ask.row() for ask in outcome.asks))

    async def _ended(
        self, request: Request, awaited: Awaited, ending: Ending, because: str
    ) -> Outcome:
        """Give back what was set aside, once, and tell why."""
        self.approval_ended = True
        released = await self.release(request, because)
        await self.end_approval(awaited, ending)
        self._mark("answered")
        return released if isinstance(released, Refused) else refused(because, released)

    def describe(self, awaited: Awaited, state: Sequence[str]) -> None:
        """Tell whoever looks at the waiting movement whose approval it waits for."""
        about = awaited.summary
        amount = f"{about['amount']['currency']} {about['amount']['value']}"
        title = movements()[about["type"]].title
        workflow.set_current_details("\n".join([f"**{title}** {amount}", "", *state]))

    def _named(self) -> list[str]:
        return [f"- ignored: {why}" for why in self._ignored] + self.dropped()

    def _mark(self, state: str) -> None:
        """Let lists of workflows be searched by the state of those that wait, or waited."""
        workflow.upsert_search_attributes([MOVEMENT_STATE.value_set(state)])

    def _say(self, request: Request, state: list[str]) -> None:
        """Tell whoever looks at the waiting movement what it waits for."""
        command, movement = request.command, movements()[request.movement]
        amount = f"{command['amount']['currency']} {command['amount']['value']}"
        workflow.set_current_details("\n".join([f"**{movement.title}** {amount}", "", *state]))


def _resting_on(request: Request, answered: Answered) -> Request:
    """The step with all that a verified answer brings along."""
    return request.joining(answered.joined, answered.bank_reference, answered.id)


def awaited_of(request: Request, held: Held) -> Awaited:
    """What a movement that was set aside waits for."""
    envelope, movement = request.envelope, movements()[request.movement]
    event = f"{movement.entity}.{movement.action}"
    summary: dict[str, Any] = {
        "type": movement.name,
        "amount": request.command["amount"],
        "parties": movement.parties_of(request.command),
        "requested_at": envelope.requested_at,
    }
    return Awaited(
        tenant=envelope.tenant,
        tenant_id=envelope.tenant_id,
        kind="movement",
        id=envelope.movement,
        event=event,
        about=binding("movement", event, envelope.movement, request.command),
        maker=envelope.actor,
        asks=tuple(ask.row() for ask in held.asks),
        summary=summary,
    )


def refused(because: str, outcome: Posted | Held | Released) -> Refused:
    """What gave money back, told as the refusal that it gives back for."""
    return Refused(because, REFUSALS[because], {}, outcome.record, outcome.position)
