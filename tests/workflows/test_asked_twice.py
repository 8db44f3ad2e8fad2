"""Movements that wait for people by themselves, and for those whom the operator's rules ask."""

import asyncio

import pytest

from mmo.movements.support.commands import CommandRow
from tests.mmo.moving import rows
from tests.workflows.house import House
from tests.workflows.parked import BANDS, LIMIT, ended, journal, told
from tests.workflows.ruled import give_roles, over, put_rule

ASKED, REVERSE = "wallet.request-payment", "wallet.reverse"


@pytest.fixture
async def guarded(opened: House) -> House:
    """From KES 10.00 on, a manager must agree to a request for payment and to a reversal."""
    for event in (ASKED, REVERSE):
        await put_rule(opened.pool, BANDS, event, over(LIMIT, "manager"))
    await give_roles(opened.pool, "manager-1", "manager")
    return opened


async def asked_for(house: House) -> CommandRow:
    row = await house.begin("payment-request", "20.00", merchant="shop", customer="alice")
    await house.outcome(row, "pending_approval")
    return row


async def until_told(house: House, row: CommandRow, last: str) -> None:
    async with asyncio.timeout(30):
        while (await told(house, row.movement_id))[-1:] != [last]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_what_the_customer_pays_is_agreed_to_then(guarded: House) -> None:
    before = await guarded.holds("alice"), await guarded.holds("shop")
    row = await asked_for(guarded)

    await guarded.answer(row, "payment-answer", "approve", by="alice")
    await until_told(guarded, row, "requested")
    during = await guarded.holds("shop")
    await guarded.decide(row, "manager-1")

    assert (await ended(guarded, row))["state"] == "posted"
    assert during == before[1]
    assert (before[0] - await guarded.holds("alice"), await guarded.holds("shop") - before[1]) == (
        2_000, 2_000,
    )  # fmt: skip


async def test_what_a_manager_says_before_the_customer_does_counts_for_nothing(
    guarded: House,
) -> None:
    row = await asked_for(guarded)

    await guarded.decide(row, "manager-1")
    await guarded.answer(row, "payment-answer", "approve", by="alice")
    await until_told(guarded, row, "requested")

    assert (await guarded.outcome(row))["state"] == "pending_approval"


async def test_what_a_manager_rejects_costs_the_customer_nothing(guarded: House) -> None:
    before = await guarded.holds("alice")
    row = await asked_for(guarded)

    await guarded.answer(row, "payment-answer", "approve", by="alice")
    await guarded.decide(row, "manager-1", "reject")

    outcome = await ended(guarded, row)
    assert (outcome["state"], outcome["code"]) == ("refused", "declined")
    assert await guarded.holds("alice") == before


async def test_a_reversal_that_is_agreed_to_is_posted_once(guarded: House) -> None:
    before = await guarded.holds("alice"), await guarded.holds("bob")
    row = await reversing(guarded)
    await guarded.outcome(row, "pending_approval")

    await guarded.decide(row, "manager-1")

    assert (await ended(guarded, row))["state"] == "posted"
    assert (await guarded.holds("alice"), await guarded.holds("bob")) == before


async def test_a_reversal_that_is_rejected_leaves_the_original_to_be_reversed(
    guarded: House,
) -> None:
    row = await reversing(guarded)
    await guarded.outcome(row, "pending_approval")
    await guarded.decide(row, "manager-1", "reject")
    assert (await ended(guarded, row))["code"] == "declined"

    again = await guarded.begin("reversal", "50.00", original=row.body["original"],
                                payer="bob", payee="alice")  # fmt: skip
    await guarded.outcome(again, "pending_approval")
    await guarded.decide(again, "manager-1")

    assert (await ended(guarded, again))["state"] == "posted"


@pytest.mark.parametrize("choice", ["approve", "reject"])
async def test_a_reversal_into_a_lien_waits_for_agreement_before_it_takes_anything(
    guarded: House, choice: str
) -> None:
    sent = await guarded.begin("p2p-transfer", "50.00", sender="alice", recipient="bob")
    await guarded.outcome(sent)
    await guarded.move("p2p-transfer", "30.00", sender="bob", recipient="alice")
    row = await guarded.begin(
        "reversal", "50.00", original=str(sent.movement_id), payer="bob", payee="alice",
        if_short="lien",
    )  # fmt: skip
    await guarded.outcome(row, "pending_approval")
    during = await guarded.holds("bob")

    await guarded.decide(row, "manager-1", choice)  # type: ignore[arg-type]

    assert during == 2_000
    if choice == "reject":
        assert (await ended(guarded, row))["code"] == "declined"
        assert await guarded.holds("bob") == 2_000
        assert await rows(guarded.pool, 'SELECT "left" FROM movements.lien') == []
    else:
        await guarded.outcome(row, "pending_partner")
        async with asyncio.timeout(30):
            while await guarded.holds("bob"):  # noqa: ASYNC110 - it is taken by the process
                await asyncio.sleep(0.05)
        assert await rows(guarded.pool, 'SELECT "left" FROM movements.lien') == [(3_000,)]
    assert await journal(guarded, row.movement_id)


async def reversing(house: House) -> CommandRow:
    """The reversal of what Alice has sent to Bob."""
    sent = await house.begin("p2p-transfer", "50.00", sender="alice", recipient="bob")
    await house.outcome(sent)
    return await house.begin("reversal", "50.00", original=str(sent.movement_id),
                             payer="bob", payee="alice")  # fmt: skip
