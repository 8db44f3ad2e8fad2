"""Dormancy, replayed: set aside until somebody says whose it is, however many years that takes."""

import pytest
from temporalio.workflow import NondeterminismError

from mmo.movements.support.commands import CommandRow
from mmo.movements.support.ports import Answered
from tests.replay.scenes import MUCH, Scene
from tests.replay.story import MONTH, Story, posted, refused, replay, request, story
from tests.workflows.house import House

ASKED = request("dormancy", customer="alice")
SET_ASIDE, ESCHEATED, RECLAIMED = posted(ASKED), posted(ASKED, 2), posted(ASKED, 3)
RECLAIM = Answered(name="unclaimed-answer", choice="reclaim", subject="checker")
ESCHEAT = Answered(
    name="unclaimed-answer", choice="escheat", subject="checker", bank_reference="BANK 9"
)


def waiting() -> Story:
    return story(ASKED).executed(SET_ASIDE).marked("pending_partner").waited(MONTH)


def answered(told: Story, answer: Answered) -> Story:
    heard = told.heard("decide", "head.claims.signature").timer_cancelled()
    return heard.did_locally("movements.verify_answer", answer).marked("answered")


async def test_who_holds_too_little_keeps_it() -> None:
    outcome = refused("insufficient_funds")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_the_owner_comes_back() -> None:
    back = answered(waiting(), RECLAIM).executed(RECLAIMED)

    await replay(back.ended(refused("reclaimed", step=3)))


async def test_the_authority_takes_it() -> None:
    await replay(answered(waiting(), ESCHEAT).executed(ESCHEATED).ended(ESCHEATED))


async def test_an_owner_whose_wallet_takes_nothing_now_is_waited_for() -> None:
    tried = answered(waiting(), RECLAIM).executed(refused("wallet_frozen", step=3))
    again = answered(tried.marked("pending_partner").waited(MONTH), RECLAIM)

    await replay(again.executed(posted(ASKED, 4)).ended(refused("reclaimed", step=4)))


async def test_what_the_owner_took_back_the_authority_does_not_get() -> None:
    with pytest.raises(NondeterminismError):
        await replay(answered(waiting(), RECLAIM).executed(ESCHEATED).ended(ESCHEATED))


async def set_aside(house: House) -> CommandRow:
    row = await house.begin("dormancy", "50.00", customer="alice")
    await house.outcome(row, "pending_partner")
    return row


async def too_much(house: House) -> CommandRow:
    return await house.begin("dormancy", MUCH, customer="alice")


async def reclaimed(house: House) -> CommandRow:
    row = await set_aside(house)
    await house.answer(row, "unclaimed-answer", "reclaim")
    return row


async def escheated(house: House) -> CommandRow:
    row = await set_aside(house)
    await house.answer(row, "unclaimed-answer", "escheat", bank_reference="BANK 9")
    return row


SCENES = {
    "refused": Scene(too_much, "refused"),
    "reclaimed": Scene(reclaimed, "refused"),
    "escheated": Scene(escheated, "posted"),
}
