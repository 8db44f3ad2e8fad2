"""E-money issuance, replayed: one records, another releases."""

from datetime import timedelta

import pytest
from temporalio.workflow import NondeterminismError

from mmo.movements.support.commands import CommandRow
from mmo.movements.support.ports import Answered
from tests.replay.scenes import Scene, freeze, with_frozen
from tests.replay.story import MONTH, Story, posted, refused, replay, request, story
from tests.workflows.house import House

ASKED = request("emoney-issuance", recipient="super", bank_reference="BANK 1")
ALONE = request("emoney-issuance", "emoney:release", recipient="super", bank_reference="BANK 1")
RECORDED, ISSUED, CANCELLED = posted(ASKED), posted(ASKED, 2), posted(ASKED, 3)
RELEASE = Answered(name="release", choice="release", subject="checker")
CANCEL = Answered(name="release", choice="cancel", subject="checker")


def waiting() -> Story:
    recorded = story(ASKED).executed(RECORDED)
    return recorded.marked("pending_approval").waited(MONTH)


def answered(answer: Answered | str) -> Story:
    heard = waiting().heard("decide", "head.claims.signature").timer_cancelled()
    return heard.did_locally("movements.verify_answer", answer)


async def test_whoever_may_release_alone_does_so_at_once() -> None:
    recorded = story(ALONE).executed(RECORDED)

    await replay(recorded.executed(ISSUED).ended(ISSUED))


async def test_a_refused_record_is_never_released() -> None:
    outcome = refused("wallet_frozen")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_another_person_releases_it() -> None:
    released = answered(RELEASE).marked("answered")

    await replay(released.executed(ISSUED).ended(ISSUED))


async def test_another_person_cancels_it() -> None:
    cancelled = answered(CANCEL).marked("answered").executed(CANCELLED)

    await replay(cancelled.ended(refused("cancelled", step=3)))


async def test_nobody_releases_it_for_a_month() -> None:
    expired = waiting().timer_fired().executed(CANCELLED)

    await replay(expired.ended(refused("expired", step=3)))


async def test_a_release_that_the_books_refuse_goes_back_to_the_bank() -> None:
    no = refused("wallet_closed", step=2)
    tried = answered(RELEASE).marked("answered").executed(no)
    back = tried.executed(CANCELLED)

    await replay(back.ended(refused("wallet_closed", step=3)))


async def test_a_document_that_proves_nothing_is_ignored_and_the_movement_waits_on() -> None:
    ignored = answered("by the maker").waited(MONTH).heard("decide", "another").timer_cancelled()
    released = ignored.did_locally("movements.verify_answer", RELEASE).marked("answered")

    await replay(released.executed(ISSUED).ended(ISSUED))


async def test_money_is_never_issued_on_a_document_that_proves_nothing() -> None:
    with pytest.raises(NondeterminismError):
        await replay(answered("not genuine").executed(ISSUED).ended(ISSUED))


async def begun(house: House, *granted: str) -> CommandRow:
    return await house.begin(
        "emoney-issuance", "70.00", granted, recipient="super", bank_reference="BANK 9"
    )


async def released_at_once(house: House) -> CommandRow:
    return await begun(house, "emoney:release")


async def frozen_before(house: House) -> CommandRow:
    await freeze(house, "super")
    return await with_frozen(house, "super", await begun(house))


async def pending(house: House) -> CommandRow:
    row = await begun(house)
    await house.outcome(row, "pending_approval")
    return row


async def released(house: House) -> CommandRow:
    row = await pending(house)
    await house.answer(row, "release", "release")
    return row


async def cancelled(house: House) -> CommandRow:
    row = await pending(house)
    await house.answer(row, "release", "cancel")
    return row


async def answered_by_the_maker_first(house: House) -> CommandRow:
    row = await pending(house)
    await house.answer(row, "release", "release", by="clerk")
    await house.answer(row, "release", "release")
    return row


async def frozen_before_the_release(house: House) -> CommandRow:
    row = await pending(house)
    await freeze(house, "super")
    await house.answer(row, "release", "release")
    return await with_frozen(house, "super", row)


SCENES = {
    "released_at_once": Scene(released_at_once, "posted"),
    "refused": Scene(frozen_before, "refused"),
    "released": Scene(released, "posted"),
    "cancelled": Scene(cancelled, "refused"),
    "answered_by_the_maker_first": Scene(answered_by_the_maker_first, "posted"),
    "release_refused": Scene(frozen_before_the_release, "refused"),
    "expired": Scene(begun, "refused", timedelta(days=31)),
}
