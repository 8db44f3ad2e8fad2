"""Vouchers, replayed: redeemed, claimed, or given back, and never two of these."""

from datetime import timedelta

import pytest
from temporalio.workflow import NondeterminismError

from mmo.movements.support.commands import CommandRow
from mmo.movements.support.outcome import Posted
from mmo.movements.support.ports import Answered
from tests.replay.scenes import MUCH, Scene, freeze
from tests.replay.story import MONTH, WALLETS, Story, posted, refused, replay, request, story
from tests.workflows.house import CLERK, TENANT, House
from tests.workflows.vouchers import NEW_NUMBER, redeem, send_voucher

ASKED = request("voucher", sender="alice")
ISSUED, REDEEMED, CLAIMED, EXPIRED = (posted(ASKED, step) for step in (1, 2, 50, 100))
AT_AGENT = Answered(
    name="voucher-redemption", choice="redeem", subject="agent", joined={"agent": WALLETS["agent"]}
)
OTHER = Answered(name="bank-answer", choice="paid", subject="clerk")


def looked(told: Story, wallet: str | None = None) -> Story:
    return told.did_locally("movements.find_recipient", wallet)


def waiting() -> Story:
    issued = looked(story(ASKED).executed(ISSUED))
    return issued.marked("pending_partner").waited(MONTH)


def answered(told: Story, answer: Answered = AT_AGENT) -> Story:
    heard = told.heard("decide", "head.claims.signature").timer_cancelled()
    return heard.did_locally("movements.verify_answer", answer).marked("answered")


async def test_a_refused_voucher_waits_for_nobody() -> None:
    outcome = refused("insufficient_funds")

    await replay(story(ASKED).executed(outcome).ended(outcome))


async def test_an_agent_pays_it_out() -> None:
    await replay(answered(waiting()).executed(REDEEMED).ended(REDEEMED))


async def test_nobody_comes_and_the_sender_gets_it_back() -> None:
    back = waiting().timer_fired(2 * 365 * 24 * 3600 * 2).executed(EXPIRED)

    await replay(back.ended(refused("expired", step=100)))


async def test_the_recipient_registers_and_it_is_theirs() -> None:
    woken = waiting().heard("wake", "mmo.wallet.opened.v1").timer_cancelled()
    claimed = looked(woken, WALLETS["bob"]).executed(CLAIMED)

    await replay(claimed.ended(CLAIMED))


async def test_a_recipient_who_registered_just_before_gets_it_at_once() -> None:
    claimed = looked(story(ASKED).executed(ISSUED), WALLETS["bob"]).executed(CLAIMED)

    await replay(claimed.ended(CLAIMED))


async def test_a_refused_redemption_leaves_it_waiting_for_the_next_agent() -> None:
    first = answered(waiting()).executed(refused("wallet_frozen", step=2))
    again = answered(first.marked("pending_partner").waited(MONTH))
    paid = posted(ASKED, 3)

    await replay(again.executed(paid).ended(paid))


async def test_a_wake_that_concerns_somebody_else_changes_nothing() -> None:
    woken = looked(waiting().heard("wake", "mmo.wallet.opened.v1").timer_cancelled())
    again = woken.marked("pending_partner").waited(MONTH)

    await replay(answered(again).executed(REDEEMED).ended(REDEEMED))


@pytest.mark.parametrize("ending", [EXPIRED, CLAIMED], ids=["given back", "claimed"])
async def test_what_was_redeemed_never_ends_another_time(ending: Posted) -> None:
    redeemed = answered(waiting()).executed(REDEEMED)

    with pytest.raises(NondeterminismError):
        await replay(redeemed.executed(ending).ended(ending))


async def test_it_is_not_given_back_for_an_answer_to_something_else() -> None:
    ignored = answered(waiting(), OTHER)

    with pytest.raises(NondeterminismError):
        await replay(ignored.executed(EXPIRED).ended(refused("expired", step=100)))


async def too_much(house: House) -> CommandRow:
    return await send_voucher(house, MUCH)


async def redeemed(house: House) -> CommandRow:
    row = await send_voucher(house)
    await redeem(house, row)
    return row


async def redeemed_later(house: House) -> CommandRow:
    """The first agent is frozen; the second one pays it out."""
    row = await send_voucher(house)
    await freeze(house, "stall")
    await redeem(house, row, "stall")
    await redeem(house, row)
    await house.handle(row).result()
    await house.changes.unfreeze(TENANT.id, house.identifier("stall"), CLERK)
    return row


async def claimed(house: House) -> CommandRow:
    row = await send_voucher(house)
    await house.open_wallet("newcomer", "customer", NEW_NUMBER)
    await house.handle(row).signal("wake", "mmo.wallet.opened.v1")
    return row


async def claimed_at_once(house: House) -> CommandRow:
    return await send_voucher(house, to=house.numbers[house.wallets["bob"].id])


async def nobody_comes(house: House) -> CommandRow:
    return await send_voucher(house)


SCENES = {
    "refused": Scene(too_much, "refused"),
    "redeemed": Scene(redeemed, "posted"),
    "redeemed_later": Scene(redeemed_later, "posted"),
    "claimed": Scene(claimed, "posted"),
    "claimed_at_once": Scene(claimed_at_once, "posted"),
    "expired": Scene(nobody_comes, "refused", timedelta(days=31)),
}
