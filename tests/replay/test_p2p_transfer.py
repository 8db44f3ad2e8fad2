"""P2P transfer, replayed: straight through, and where rules ask for approval."""

from dataclasses import replace

import pytest
from temporalio.workflow import NondeterminismError

from mmo.approvals.awaited import Vote
from mmo.bep.verdict import Ask
from mmo.movements.support.outcome import Held, Released
from tests.replay.approving import APPROVALS
from tests.replay.scenes import posted_and_refused
from tests.replay.story import Story, posted, refused, replay, request, story

ASKED = request("p2p-transfer", sender="alice", recipient="bob")
POSTED = posted(ASKED)
SCENES = posted_and_refused("p2p-transfer", sender="alice", recipient="bob") | APPROVALS
DAY, HOUR = 24 * 3600, 3600
MANAGER, RISK = Ask(roles=("manager",)), Ask(roles=("risk",))
AT = "2026-11-24T12:00:01+00:00"
HELD = Held(journal=6, at=AT, position="700", asks=(MANAGER,), record={"step": 1})
RELEASED = Released(journal=8, at=AT, position="900", record={"step": 1})
YES = Vote(subject="boss", choice="approve", roles=("manager",))
SETTLE, RELEASE = "1-money-sent-settle", "1-money-sent-release"


def waiting(held: Held = HELD, seconds: int = DAY) -> Story:
    """It was set aside, whoever may agree was asked, and a timer runs."""
    parked = story(ASKED).executed(held).marked("pending_approval")
    return parked.did("approvals.open").waited(seconds)


def heard(waits: Story, said: Vote | str) -> Story:
    """A document came in and was verified."""
    signaled = waits.heard("decide", "head.claims.signature").timer_cancelled()
    return signaled.did_locally("approvals.verify", said)


async def test_an_allowed_p2p_transfer_is_posted_at_once() -> None:
    await replay(story(ASKED).executed(POSTED).ended(POSTED))


async def test_a_refused_p2p_transfer_is_an_outcome_not_an_error() -> None:
    outcome = refused("insufficient_funds")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_a_p2p_transfer_is_not_settled_before_it_is_admitted() -> None:
    with pytest.raises(NondeterminismError, match="ActivityTaskScheduled"):
        await replay(story(ASKED).did("movements.settle", POSTED).ended(POSTED))


async def test_what_somebody_agrees_to_is_settled_and_taken_out_of_the_inbox() -> None:
    settled = heard(waiting(), YES).did("movements.settle", POSTED, SETTLE)

    await replay(settled.did("approvals.close").marked("answered").ended(POSTED))


@pytest.mark.parametrize(("choice", "code"), [("reject", "declined"), ("cancel", "cancelled")])
async def test_what_somebody_stops_is_given_back(choice: str, code: str) -> None:
    stopped = heard(waiting(), replace(YES, choice=choice))
    back = stopped.did("movements.release", RELEASED, RELEASE).did("approvals.close")

    await replay(back.marked("answered").ended(refused(code)))


async def test_what_nobody_agrees_to_in_time_is_given_back() -> None:
    late = waiting().timer_fired(DAY).did("movements.release", RELEASED, RELEASE)

    await replay(late.did("approvals.close").marked("answered").ended(refused("expired")))


async def test_a_vote_that_does_not_count_leaves_it_waiting() -> None:
    still = heard(waiting(), "by the maker").waited(DAY)
    settled = heard(still, YES).did("movements.settle", POSTED, SETTLE)

    await replay(settled.did("approvals.close").marked("answered").ended(POSTED))


async def test_money_cannot_move_on_a_vote_that_does_not_count() -> None:
    with pytest.raises(NondeterminismError):
        await replay(
            heard(waiting(), "by the maker").did("movements.settle", POSTED, SETTLE).ended(POSTED)
        )


async def test_rules_that_ask_for_more_when_it_is_settled_make_it_wait_again() -> None:
    more = replace(HELD, asks=(MANAGER, RISK))
    again = heard(waiting(), YES).did("movements.settle", more, SETTLE).did("approvals.open")
    agreed = heard(again.waited(DAY), Vote(subject="risk", choice="approve", roles=("risk",)))

    await replay(
        agreed.did("movements.settle", POSTED, SETTLE).did("approvals.close").marked("answered")
        .ended(POSTED)
    )  # fmt: skip


async def test_rules_that_refuse_when_it_is_settled_give_it_back() -> None:
    no = refused("wallet_frozen")
    back = heard(waiting(), YES).did("movements.settle", no, SETTLE)
    released = back.did("movements.release", RELEASED, RELEASE).did("approvals.close")

    await replay(released.marked("answered").ended(no))


async def test_reminder_and_escalation_come_before_the_end() -> None:
    ask = Ask(roles=("manager",), remind_s=HOUR, escalate_s=2 * HOUR, escalate_to=("director",))
    reminded = waiting(replace(HELD, asks=(ask,)), HOUR).timer_fired(HOUR).did("approvals.tell")
    escalated = reminded.waited(HOUR).timer_fired(2 * HOUR).did("approvals.tell")
    above = Vote(subject="chief", choice="approve", roles=("director",))
    settled = heard(escalated.waited(22 * HOUR), above).did("movements.settle", POSTED, SETTLE)

    await replay(settled.did("approvals.close").marked("answered").ended(POSTED))
