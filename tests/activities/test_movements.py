"""The activities of a movement, between facts and a writer of a few lines."""

from dataclasses import dataclass, field, replace

import pytest

from activities.movements import ATTEMPTS_MAX, MovementActivities, StaleFactsError
from mmo.kernel.refusals import Refused
from mmo.ledger.recorded import Recorded, Stale
from mmo.movements.support.authority import AcceptedCommand, Evidence
from mmo.movements.support.decide import Draft
from mmo.movements.support.facts import Facts
from mmo.movements.support.outcome import Held, Outcome, Posted, Released, Request, Verb
from tests.mmo.movements.people import facts, request, wallet

SENDING = request("p2p-transfer", sender="alice", recipient="bob")


HELD_AND_DECLINED = Evidence(steps={1001: None}, votes=[("checker", "reject", ())])


def accepted(asked: Request) -> AcceptedCommand:
    return AcceptedCommand(
        tenant=asked.envelope.tenant,
        type=asked.movement,
        body=asked.command,
        requested_at=asked.envelope.requested_at,
        actor=asked.envelope.actor,
        granted=(),
        quoted=None,
        fingerprint=b"f",
    )


@dataclass
class KnownFacts:
    """Answers with one set of facts after the other; the last one for ever."""

    known: list[Facts]
    read_: int = 0
    accepted: AcceptedCommand | None = field(default_factory=lambda: accepted(SENDING))
    evidence: Evidence = HELD_AND_DECLINED

    async def read(self, request: Request, verb: Verb) -> Facts:
        self.read_ += 1
        known = self.known[min(self.read_, len(self.known)) - 1]
        return replace(known, accepted=self.accepted, evidence=self.evidence)


@dataclass
class Books:
    """Writes drafts down; the first `stale` of them are decided on old facts."""

    stale: int = 0
    drafts: list[Draft] = field(default_factory=list[Draft])

    async def post(self, draft: Draft) -> Recorded | Stale:
        if self.stale:
            self.stale -= 1
            return Stale()
        self.drafts.append(draft)
        return recorded(draft.posting.refusal, **draft.posting.meta)


@dataclass
class Waiting:
    told: list[Outcome] = field(default_factory=list[Outcome])

    def announce(self, movement: str, outcome: Outcome) -> None:
        self.told.append(outcome)


class NoAnswers:
    async def verify(self, request: Request, document: str) -> str:
        return "not genuine"


def recorded(refusal: str | None = None, **meta: object) -> Recorded:
    about = {"decided_at": "2026-11-24T12:00:00+00:00", "prices": {"A": 1000}, **meta}
    return Recorded(journal=7, xid=800, refusal=refusal, detail={"account": 1}, meta=about)


def doors(known: KnownFacts, books: Books, waiting: Waiting) -> MovementActivities:
    return MovementActivities(known, books, NoAnswers(), waiting)


async def test_an_allowed_step_is_posted_and_its_caller_told() -> None:
    books, waiting = Books(), Waiting()

    outcome = await doors(KnownFacts([facts()]), books, waiting).execute(SENDING)

    assert isinstance(outcome, Posted)
    assert (outcome.journal, outcome.position, outcome.state) == (7, "800", "posted")
    assert waiting.told == [outcome]


async def test_a_step_that_nobody_waits_for_tells_nobody() -> None:
    waiting = Waiting()

    await doors(KnownFacts([facts()]), Books(), waiting).execute(replace(SENDING, answers=False))

    assert waiting.told == []


async def test_a_repeat_is_answered_from_the_record_and_nothing_is_decided() -> None:
    books = Books()
    known = KnownFacts([replace(facts(), recorded=recorded())])

    outcome = await doors(known, books, Waiting()).execute(SENDING)

    assert isinstance(outcome, Posted)
    assert books.drafts == []


async def test_facts_that_changed_are_read_and_decided_again() -> None:
    known = KnownFacts([facts(), facts(bob=wallet("bob", state="frozen"))])

    outcome = await doors(known, Books(stale=1), Waiting()).execute(SENDING)

    assert isinstance(outcome, Refused)
    assert (outcome.code, known.read_) == ("wallet_frozen", 2)


async def test_facts_that_always_change_are_left_to_the_retry() -> None:
    known = KnownFacts([facts()])

    with pytest.raises(StaleFactsError):
        await doors(known, Books(stale=ATTEMPTS_MAX), Waiting()).execute(SENDING)

    assert known.read_ == ATTEMPTS_MAX


async def test_a_refusal_tells_why_and_keeps_account_numbers_to_itself() -> None:
    known = KnownFacts([replace(facts(), recorded=recorded("insufficient_funds"))])

    outcome = await doors(known, Books(), Waiting()).execute(SENDING)

    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.details) == ("insufficient_funds", {})


KINDS = {"reserve": Held, "settle": Posted, "release": Released}


@pytest.mark.parametrize("verb", KINDS)
async def test_each_verb_answers_with_its_own_outcome(verb: str) -> None:
    opened = doors(KnownFacts([facts()]), Books(), Waiting())

    because = "declined" if verb == "release" else ""
    outcome = await getattr(opened, verb)(replace(SENDING, because=because))

    assert isinstance(outcome, KINDS[verb])
