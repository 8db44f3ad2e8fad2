"""E-money redemption, replayed: the bank pays out, or does not."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.workflow import NondeterminismError

from mmo.movements.support.commands import CommandRow
from mmo.movements.support.ports import Answered
from tests.replay.scenes import MUCH, Scene, freeze
from tests.replay.story import MONTH, Story, posted, refused, replay, request, story
from tests.workflows.house import CLERK, TENANT, House

ASKED = request("emoney-redemption", holder="super")
REQUESTED, REDEEMED, RETURNED = posted(ASKED), posted(ASKED, 2), posted(ASKED, 3)
AGAIN = posted(ASKED, 4)
PAID = Answered(name="bank-answer", choice="paid", subject="clerk")
NOT_PAID = Answered(name="bank-answer", choice="not_paid", subject="clerk")
MINUTE = 60


def waiting() -> Story:
    requested = story(ASKED).executed(REQUESTED)
    return requested.marked("pending_partner").waited(MONTH)


def answered(answer: Answered) -> Story:
    heard = waiting().heard("decide", "head.claims.signature").timer_cancelled()
    return heard.did_locally("movements.verify_answer", answer).marked("answered")


async def test_a_refused_redemption_waits_for_no_bank() -> None:
    outcome = refused("insufficient_funds")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_the_bank_paid_out() -> None:
    await replay(answered(PAID).executed(REDEEMED).ended(REDEEMED))


async def test_the_bank_did_not_pay_and_the_money_goes_back() -> None:
    back = answered(NOT_PAID).executed(RETURNED)

    await replay(back.ended(refused("returned_by_bank", step=3)))


async def test_money_that_cannot_go_back_is_tried_again_a_minute_later() -> None:
    stuck = answered(NOT_PAID).executed(refused("wallet_frozen", step=3))
    back = stuck.waited(MINUTE).timer_fired().executed(AGAIN)

    await replay(back.ended(refused("returned_by_bank", step=4)))


async def test_a_bank_that_says_nothing_for_a_month_is_waited_for_on() -> None:
    still = waiting().timer_fired().marked("pending_partner").waited(MONTH)
    heard = still.heard("decide", "head.claims.signature").timer_cancelled()
    paid = heard.did_locally("movements.verify_answer", PAID).marked("answered")

    await replay(paid.executed(REDEEMED).ended(REDEEMED))


async def test_money_does_not_go_back_while_the_bank_is_silent() -> None:
    with pytest.raises(NondeterminismError):
        await replay(waiting().timer_fired().executed(RETURNED).ended(RETURNED))


async def too_much(house: House) -> CommandRow:
    return await house.begin("emoney-redemption", MUCH, holder="super")


async def pending(house: House) -> CommandRow:
    row = await house.begin("emoney-redemption", "70.00", holder="super")
    await house.outcome(row, "pending_partner")
    return row


async def paid(house: House) -> CommandRow:
    row = await pending(house)
    await house.answer(row, "bank-answer", "paid")
    return row


async def not_paid(house: House) -> CommandRow:
    row = await pending(house)
    await house.answer(row, "bank-answer", "not_paid")
    return row


async def not_paid_while_frozen(house: House) -> CommandRow:
    row = await pending(house)
    await freeze(house, "super")
    await house.answer(row, "bank-answer", "not_paid")
    while len((await house.handle(row).fetch_history()).events) < TRIED_ONCE:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await house.changes.unfreeze(TENANT.id, house.identifier("super"), CLERK)
    return row


TRIED_ONCE = 17
"""Events of the history once giving back was refused for the first time."""

SCENES = {
    "refused": Scene(too_much, "refused"),
    "paid": Scene(paid, "posted"),
    "not_paid": Scene(not_paid, "refused"),
    "given_back_later": Scene(not_paid_while_frozen, "refused", timedelta(hours=2)),
}
