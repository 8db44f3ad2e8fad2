"""Escrow, replayed: released, cancelled, or given back, and never two of these."""

from datetime import timedelta

import pytest
from temporalio.workflow import NondeterminismError

from mmo.movements.support.commands import CommandRow
from mmo.movements.support.ports import Answered
from tests.replay.scenes import MUCH, Scene, freeze
from tests.replay.story import MONTH, Story, posted, refused, replay, request, story
from tests.workflows.house import CLERK, TENANT, House

ASKED = request("escrow", customer="alice", merchant="shop")
FUNDED, RELEASED, RETURNED = posted(ASKED), posted(ASKED, 2), posted(ASKED, 100)
RELEASE = Answered(name="escrow-release", choice="release", subject="alice")
CANCEL = Answered(name="escrow-cancel", choice="cancel", subject="shop")
LATE = 4 * 365 * 24 * 3600


def waiting() -> Story:
    return story(ASKED).executed(FUNDED).marked("pending_approval").waited(MONTH)


def answered(told: Story, answer: Answered) -> Story:
    heard = told.heard("decide", "head.claims.signature").timer_cancelled()
    return heard.did_locally("movements.verify_answer", answer).marked("answered")


async def test_who_has_too_little_funds_nothing() -> None:
    outcome = refused("insufficient_funds")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_the_customer_releases_it() -> None:
    await replay(answered(waiting(), RELEASE).executed(RELEASED).ended(RELEASED))


async def test_the_merchant_cancels_it() -> None:
    back = answered(waiting(), CANCEL).executed(RETURNED)

    await replay(back.ended(refused("cancelled", step=100)))


async def test_nobody_says_anything_and_the_customer_gets_it_back() -> None:
    back = waiting().timer_fired(LATE).executed(RETURNED)

    await replay(back.ended(refused("expired", step=100)))


async def test_what_the_merchant_cannot_take_now_waits_on() -> None:
    tried = answered(waiting(), RELEASE).executed(refused("wallet_frozen", step=2))
    again = answered(tried.marked("pending_approval").waited(MONTH), RELEASE)
    released = posted(ASKED, 3)

    await replay(again.executed(released).ended(released))


async def test_what_was_released_is_not_given_back() -> None:
    released = answered(waiting(), RELEASE)

    with pytest.raises(NondeterminismError):
        await replay(released.executed(RETURNED).ended(refused("cancelled", step=100)))


async def funded(house: House) -> CommandRow:
    row = await house.begin("escrow", "50.00", customer="alice", merchant="shop")
    await house.outcome(row, "pending_approval")
    return row


async def too_much(house: House) -> CommandRow:
    return await house.begin("escrow", MUCH, customer="alice", merchant="shop")


async def released(house: House) -> CommandRow:
    row = await funded(house)
    await house.answer(row, "escrow-release", "release", by="alice")
    return row


async def cancelled(house: House) -> CommandRow:
    row = await funded(house)
    await house.answer(row, "escrow-cancel", "cancel", by="shop")
    return row


async def released_later(house: House) -> CommandRow:
    """The merchant is frozen at first."""
    row = await funded(house)
    before = await house.outcome(row)
    await freeze(house, "shop")
    await house.answer(row, "escrow-release", "release", by="alice")
    while await house.outcome(row) == before:
        pass
    await house.changes.unfreeze(TENANT.id, house.identifier("shop"), CLERK)
    await house.answer(row, "escrow-release", "release", by="alice")
    return row


SCENES = {
    "refused": Scene(too_much, "refused"),
    "released": Scene(released, "posted"),
    "released_later": Scene(released_later, "posted"),
    "cancelled": Scene(cancelled, "refused"),
    "expired": Scene(funded, "refused", timedelta(days=31)),
}
