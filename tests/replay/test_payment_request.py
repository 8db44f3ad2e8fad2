"""Payment requests, replayed: approved, declined, or too late; nothing is held meanwhile."""

from datetime import timedelta

import pytest
from temporalio.workflow import NondeterminismError

from mmo.movements.support.commands import CommandRow
from mmo.movements.support.ports import Answered
from tests.replay.scenes import MUCH, Scene, freeze
from tests.replay.story import Story, posted, refused, replay, request, story
from tests.workflows.house import CLERK, TENANT, House

ASKED = request("payment-request", merchant="shop", customer="alice")
REQUESTED, PAID = posted(ASKED), posted(ASKED, 2)
YES = Answered(name="payment-answer", choice="approve", subject="alice")
NO = Answered(name="payment-answer", choice="decline", subject="alice")
MINUTES = 5 * 60
LATE = 4 * 365 * 24 * 3600


def waiting() -> Story:
    return story(ASKED).executed(REQUESTED).marked("pending_approval").waited(MINUTES)


def answered(answer: Answered) -> Story:
    heard = waiting().heard("decide", "head.claims.signature").timer_cancelled()
    return heard.did_locally("movements.verify_answer", answer).marked("answered")


async def test_nobody_is_asked_whose_wallet_is_frozen() -> None:
    outcome = refused("wallet_frozen")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_the_customer_pays() -> None:
    await replay(answered(YES).executed(PAID).ended(PAID))


async def test_a_customer_without_money_has_said_yes_in_vain() -> None:
    outcome = refused("insufficient_funds", step=2)

    await replay(answered(YES).executed(outcome).ended(outcome))


async def test_the_customer_declines() -> None:
    outcome = refused("declined")

    await replay(
        answered(NO).did("movements.release", outcome, "1-payment-requested-release").ended(outcome)
    )


async def test_the_customer_says_nothing_in_time() -> None:
    outcome = refused("expired")

    await replay(
        waiting()
        .timer_fired(LATE)
        .did("movements.release", outcome, "1-payment-requested-release")
        .ended(outcome)
    )


@pytest.mark.parametrize("told", [waiting, lambda: answered(NO)], ids=["silence", "no"])
async def test_without_a_yes_nothing_is_paid(told: object) -> None:
    assert callable(told)
    with pytest.raises(NondeterminismError):
        await replay(told().executed(PAID).ended(PAID))


async def asked(house: House, value: str = "5.00") -> CommandRow:
    row = await house.begin("payment-request", value, merchant="shop", customer="alice")
    await house.outcome(row, "pending_approval")
    return row


async def approved(house: House) -> CommandRow:
    row = await asked(house)
    await house.answer(row, "payment-answer", "approve", by="alice")
    return row


async def too_much(house: House) -> CommandRow:
    row = await asked(house, MUCH)
    await house.answer(row, "payment-answer", "approve", by="alice")
    return row


async def declined(house: House) -> CommandRow:
    row = await asked(house)
    await house.answer(row, "payment-answer", "decline", by="alice")
    return row


async def frozen(house: House) -> CommandRow:
    await freeze(house, "shop")
    row = await house.begin("payment-request", "5.00", merchant="shop", customer="alice")
    await house.outcome(row, "refused")
    await house.changes.unfreeze(TENANT.id, house.identifier("shop"), CLERK)
    return row


SCENES = {
    "not_asked": Scene(frozen, "refused"),
    "approved": Scene(approved, "posted"),
    "refused": Scene(too_much, "refused"),
    "declined": Scene(declined, "refused"),
    "expired": Scene(asked, "refused", timedelta(minutes=6)),
}
