"""Activities that carry a money movement out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from temporalio import activity

from activities.alarms import raise_not_accepted
from mmo.bep.listener import BusinessEventListener
from mmo.bep.verdict import Ask
from mmo.kernel.refusals import NOT_ACCEPTED, REFUSALS, Refused
from mmo.ledger.recorded import Recorded, Stale
from mmo.movements.support.authority import objection, proved_request
from mmo.movements.support.catalogue import movements
from mmo.movements.support.command import Command
from mmo.movements.support.decide import StillAsked, decide
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Held, Outcome, Posted, Released, Request, Verb
from mmo.movements.support.ports import (
    Announcer,
    Answered,
    AnswerVerifier,
    FactsReader,
    UnknownTenantError,
    Writer,
)

ATTEMPTS_MAX = 5
"""How often a step is decided again because its facts changed, before the activity is retried."""


class StaleFactsError(Exception):
    """The facts changed under every attempt; the activity's retry decides again."""


class MovementActivities:
    """The doors of a movement, with what lies behind them injected."""

    def __init__(
        self, facts: FactsReader, writer: Writer, answers: AnswerVerifier, announcer: Announcer
    ) -> None:
        self._facts = facts
        self._writer = writer
        self._answers = answers
        self._announcer = announcer
        self._listener = BusinessEventListener()

    @activity.defn(name="movements.execute")
    async def execute(self, request: Request) -> Outcome:
        """Admit the step and post it; what rules ask approval for is set aside instead.

        Safe to repeat: what is on record is answered, and never decided again.
        """
        return await self._do(request, Verb.EXECUTE)

    @activity.defn(name="movements.reserve")
    async def reserve(self, request: Request) -> Outcome:
        """Admit the step and set its debits aside. Safe to repeat, like execute."""
        return await self._do(request, Verb.RESERVE)

    @activity.defn(name="movements.settle")
    async def settle(self, request: Request) -> Outcome:
        """Ask the rules once more, and post what was set aside, at the prices of then.

        Where they ask for more agreement by now, it stays set aside. Safe to repeat, like execute.
        """
        return await self._do(request, Verb.SETTLE)

    @activity.defn(name="movements.release")
    async def release(self, request: Request) -> Outcome:
        """Give back what was set aside. Safe to repeat, like execute."""
        return await self._do(request, Verb.RELEASE)

    @activity.defn(name="movements.verify_answer")
    async def verify_answer(self, request: Request, document: str) -> Answered | str:
        """Prove an answer's document, and keep what it says; a text says why it does not count.

        Safe to repeat: the answer is known by its document's id.
        """
        return await self._answers.verify(request, document)

    @activity.defn(name="movements.unread_answers")
    async def unread_answers(self, request: Request) -> list[str]:
        """Find documents that an earlier run may have lost. Reads only: repeatable."""
        return await self._answers.unread(request)

    @activity.defn(name="movements.find_recipient")
    async def find_recipient(self, request: Request) -> str | None:
        """Find the wallet that was opened for a voucher's number. Reads only: repeatable."""
        return await self._facts.recipient(request)

    async def _do(self, request: Request, verb: Verb) -> Outcome:
        try:
            movement, command = understood(request)
        except (ValueError, KeyError) as error:
            return self._refuse(request, f"malformed: {error}")
        try:
            decided = await self._decided(movement, command, request, verb)
        except UnknownTenantError as error:
            return self._refuse(request, str(error))
        if isinstance(decided, str):
            return self._refuse(request, decided)
        if isinstance(decided, StillAsked):
            at = str(decided.record["decided_at"])
            return Held(journal=0, at=at, position="", asks=decided.asks, record=decided.record)
        outcome = outcome_of(movement, request, verb, decided)
        if request.answers or isinstance(outcome, Held | Refused):
            self._announcer.announce(request.envelope.movement, outcome)
        return outcome

    async def _decided(
        self, movement: Movement, command: Command, asked: Request, verb: Verb
    ) -> Recorded | StillAsked | str:
        """What came of the step; a text says why nobody accepted it."""
        for _ in range(ATTEMPTS_MAX):
            facts = await self._facts.read(asked, verb)
            if facts.accepted is None:
                return "no such command was accepted"
            request = proved_request(movement, asked, facts.accepted, facts.evidence)
            if facts.recorded is not None:
                return facts.recorded
            if why := objection(movement, request, verb, facts.evidence, facts.now):
                return why
            decided = decide(movement, command, request, verb, facts, self._listener)
            if isinstance(decided, StillAsked):
                return decided
            answer = await self._writer.post(decided)
            if not isinstance(answer, Stale):
                return answer
        raise StaleFactsError(f"{asked.envelope.movement}/{asked.step}")

    def _refuse(self, request: Request, why: str) -> Refused:
        """End what nobody accepted: nothing is written but the alarm."""
        envelope = request.envelope
        raise_not_accepted(envelope.tenant, request.movement, envelope.movement, why)
        return Refused(NOT_ACCEPTED, why)


def understood(request: Request) -> tuple[Movement, Command]:
    """The movement and its command. Raises ValueError or KeyError for what can be neither."""
    movement = movements()[request.movement]
    movement.step(request.step)
    for identifier in (request.envelope.movement, *request.joined.values()):
        UUID(identifier)
    command = movement.command.model_validate(request.command)
    for wallet in command.wallets().values():
        UUID(str(wallet))
    return movement, command


def outcome_of(movement: Movement, request: Request, verb: Verb, recorded: Recorded) -> Outcome:
    """Tell a recorded posting as the movement's outcome."""
    record = dict(recorded.meta)
    position, at = str(recorded.xid), str(record["decided_at"])
    if recorded.refusal is not None:
        return Refused(
            code=recorded.refusal,
            reason=_reason(recorded.refusal, record),
            details=_details(recorded, record),
            record=record,
            position=position,
        )
    asks = tuple(Ask.of(row) for row in record.get("asks", ()))
    set_aside = verb is Verb.EXECUTE and (record.get("open") or record.get("short"))
    if verb is Verb.RESERVE or set_aside:
        state = "pending_partner" if record.get("short") else "pending_approval"
        return Held(
            journal=recorded.journal, at=at, position=position, state=state, asks=asks,
            record=record,
        )  # fmt: skip
    if verb is Verb.RELEASE:
        return Released(journal=recorded.journal, at=at, position=position, record=record)
    return Posted(
        journal=recorded.journal,
        state=movement.step(request.step).state,
        at=at,
        position=position,
        prices=record["prices"],
        record=record,
    )


def _reason(code: str, record: Mapping[str, Any]) -> str:
    """The sentence of the rule that refused, or else that of the code."""
    told = (one["reason"] for one in record.get("violations", ()))
    return next(told, None) or REFUSALS[code]


def _details(recorded: Recorded, record: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller is told: the ledger's numbers, or every rule that was violated."""
    details = {name: value for name, value in recorded.detail.items() if name != "account"}
    if record.get("violations"):
        details["violations"] = record["violations"]
    return details
