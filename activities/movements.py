"""Activities that carry a money movement out."""

from temporalio import activity

from mmo.kernel.refusals import REFUSALS, Refused
from mmo.ledger.recorded import Recorded, Stale
from mmo.movements.support.catalogue import movements
from mmo.movements.support.decide import decide
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Held, Outcome, Posted, Released, Request, Verb
from mmo.movements.support.ports import Announcer, Answered, AnswerVerifier, FactsReader, Writer

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

    @activity.defn(name="movements.execute")
    async def execute(self, request: Request) -> Outcome:
        """Admit the step and post it.

        Safe to repeat: what is on record is answered, and never decided again.
        """
        return await self._do(request, Verb.EXECUTE)

    @activity.defn(name="movements.reserve")
    async def reserve(self, request: Request) -> Outcome:
        """Admit the step and set its debits aside. Safe to repeat, like execute."""
        return await self._do(request, Verb.RESERVE)

    @activity.defn(name="movements.settle")
    async def settle(self, request: Request) -> Outcome:
        """Post what was set aside, at the prices of then. Safe to repeat, like execute."""
        return await self._do(request, Verb.SETTLE)

    @activity.defn(name="movements.release")
    async def release(self, request: Request) -> Outcome:
        """Give back what was set aside. Safe to repeat, like execute."""
        return await self._do(request, Verb.RELEASE)

    @activity.defn(name="movements.verify_answer")
    async def verify_answer(self, request: Request, document: str) -> Answered | str:
        """Prove an answer's document; a text says why it does not count. Reads only: repeatable."""
        return await self._answers.verify(request, document)

    async def _do(self, request: Request, verb: Verb) -> Outcome:
        movement = movements()[request.movement]
        recorded = await self._recorded(movement, request, verb)
        outcome = outcome_of(movement, request, verb, recorded)
        if request.answers:
            self._announcer.announce(request.envelope.movement, outcome)
        return outcome

    async def _recorded(self, movement: Movement, request: Request, verb: Verb) -> Recorded:
        command = movement.command.model_validate(request.command)
        for _ in range(ATTEMPTS_MAX):
            facts = await self._facts.read(request, verb)
            if facts.recorded is not None:
                return facts.recorded
            answer = await self._writer.post(decide(movement, command, request, verb, facts))
            if not isinstance(answer, Stale):
                return answer
        raise StaleFactsError(f"{request.envelope.movement}/{request.step}")


def outcome_of(movement: Movement, request: Request, verb: Verb, recorded: Recorded) -> Outcome:
    """Tell a recorded posting as the movement's outcome."""
    record = dict(recorded.meta)
    position, at = str(recorded.xid), str(record["decided_at"])
    if recorded.refusal is not None:
        return Refused(
            code=recorded.refusal,
            reason=REFUSALS[recorded.refusal],
            details={name: value for name, value in recorded.detail.items() if name != "account"},
            record=record,
            position=position,
        )
    if verb is Verb.RESERVE:
        return Held(journal=recorded.journal, at=at, position=position, record=record)
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
