"""Reversal, replayed: straight through, or collected from a wallet that is short."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.workflow import NondeterminismError

from mmo.kernel.money import Money
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.outcome import Held, Posted
from tests.replay.scenes import Scene
from tests.replay.story import Story, posted, refused, replay, request, story
from tests.replay.straight import StraightThrough
from tests.workflows.house import House

AT = "2026-11-24T12:00:01+00:00"
ORIGINAL = "01a20d90-aad9-74da-86e7-000000000001"
ASKED = request("reversal", original=ORIGINAL, payer="bob", payee="alice")
LIEN = request("reversal", original=ORIGINAL, payer="bob", payee="alice", if_short="lien")
SHORT = Held(journal=7, at=AT, position="800", state="pending_partner", record={"step": 1})
HALF_A_YEAR = 180 * 24 * 3600


class TestReversal(StraightThrough):
    asked = ASKED


def collected(left: int, step: int = 10) -> Posted:
    return replace(posted(LIEN, step), record={"step": step, "lien": {"left": left}})


def nothing_yet(step: int) -> Held:
    return Held(journal=0, at=AT, position="", record={"step": step})


def begun() -> Story:
    return story(LIEN).executed(SHORT).marked("pending_partner")


async def test_what_is_short_is_collected_and_then_paid_out() -> None:
    told = begun().executed(collected(400)).waited(HALF_A_YEAR).heard("wake", "an event")
    told = told.timer_cancelled().executed(collected(0, 11)).executed(posted(LIEN, 900))

    await replay(told.marked("answered").ended(posted(LIEN, 900)))


async def test_a_wake_without_money_lets_it_sleep_on() -> None:
    told = begun().executed(nothing_yet(10)).waited(HALF_A_YEAR).heard("wake", "an event")
    told = told.timer_cancelled().executed(nothing_yet(10)).waited(HALF_A_YEAR - 9)
    told = told.heard("wake", "another").timer_cancelled().executed(collected(0))

    done = posted(LIEN, 900)
    await replay(told.executed(done).marked("answered").ended(done))


async def test_after_half_a_year_it_ends_with_what_there_is() -> None:
    told = begun().executed(nothing_yet(10)).waited(HALF_A_YEAR).timer_fired()
    ended = refused("lien_expired", 900)

    await replay(told.executed(ended).marked("answered").ended(ended))


async def test_nothing_is_paid_out_before_it_is_collected() -> None:
    told = begun().executed(collected(400)).executed(posted(LIEN, 900))

    with pytest.raises(NondeterminismError):
        await replay(told.ended(posted(LIEN, 900)))


async def reversing(house: House, value: str = "5.00") -> CommandRow:
    """A transfer of KES 5.00 that is posted, and a reversal of it."""
    sent = await house.begin("p2p-transfer", "5.00", sender="alice", recipient="bob")
    await house.handle(sent).result()
    return await house.begin(
        "reversal", value, original=str(sent.movement_id), payer="bob", payee="alice"
    )


async def too_much(house: House) -> CommandRow:
    return await reversing(house, "5.01")


async def short(house: House) -> CommandRow:
    """Of KES 5.00 the receiver has 2.00 left."""
    sent = await house.begin("p2p-transfer", "5.00", sender="alice", recipient="bob")
    await house.handle(sent).result()
    spent = Money(await house.holds("bob") - 200, "KES")
    await house.move("p2p-transfer", spent.value, sender="bob", recipient="alice")
    return await house.begin(
        "reversal", "5.00", original=str(sent.movement_id), payer="bob", payee="alice",
        if_short="lien",
    )  # fmt: skip


async def paid_later(house: House) -> CommandRow:
    row = await short(house)
    await house.outcome(row, "pending_partner")
    await house.move("p2p-transfer", "3.00", sender="alice", recipient="bob")
    await house.handle(row).signal("wake", "an event")
    return row


SCENES = {
    "posted": Scene(reversing, "posted"),
    "refused": Scene(too_much, "refused"),
    "collected": Scene(paid_later, "posted"),
    "lien_expired": Scene(short, "posted", timedelta(days=181)),
}
