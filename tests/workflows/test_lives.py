"""Whole lives of movements that sleep, on a server that skips time: each ends once, at zero."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from mmo.movements.support.commands import CommandRow
from tests.mmo.movements.test_terms_in_force import put
from tests.workflows.house import CLERK, TENANT, House
from tests.workflows.vouchers import NEW_NUMBER, ended, in_escrow, redeem, send_voucher


async def test_a_voucher_that_nobody_takes_goes_back_when_its_days_are_over(
    opened: House, environment: WorkflowEnvironment
) -> None:
    before = await opened.holds("alice")
    row = await send_voucher(opened, "50.00", expires_in_days=3)
    await environment.sleep(timedelta(days=2, hours=23))
    still = await opened.outcome(row)
    held = await in_escrow(opened, row)
    await environment.sleep(timedelta(hours=2))

    assert (still["state"], held) == ("pending_partner", 5_000)
    assert await ended(opened, row) == ("refused", "expired")
    assert await opened.holds("alice") == before


async def test_the_agent_who_pays_a_voucher_out_has_the_float_for_it(opened: House) -> None:
    before = await opened.holds("agent")
    row = await send_voucher(opened, "50.00")
    await redeem(opened, row)

    assert await ended(opened, row) == ("posted", None)
    assert await opened.holds("agent") == before + 5_000


async def test_a_voucher_goes_to_the_wallet_that_is_opened_for_its_number(opened: House) -> None:
    row = await send_voucher(opened, "50.00")
    await opened.open_wallet("newcomer", "customer", NEW_NUMBER)
    await opened.handle(row).signal("wake", "mmo.wallet.opened.v1")

    assert await ended(opened, row) == ("posted", None)
    assert await opened.holds("newcomer") == 5_000


async def test_a_voucher_that_its_recipient_may_not_hold_waits_for_an_agent(opened: House) -> None:
    about = {"wallet_kind": "customer", "tier": 1}
    await put(opened, "limit-profile", about, limits=[], balance="40.00")
    row = await send_voucher(opened, "50.00")
    await opened.open_wallet("newcomer", "customer", NEW_NUMBER)
    await opened.handle(row).signal("wake", "mmo.wallet.opened.v1")
    await redeem(opened, row)

    assert await ended(opened, row) == ("posted", None)
    assert await opened.holds("newcomer") == 0


async def test_a_frozen_agent_pays_nothing_out_and_the_voucher_waits_for_another(
    opened: House,
) -> None:
    row = await send_voucher(opened, "50.00")
    before = await opened.outcome(row)
    await opened.changes.freeze(TENANT.id, opened.identifier("stall"), CLERK)
    await redeem(opened, row, "stall")
    async with asyncio.timeout(30):
        while (tried := await opened.outcome(row)) == before:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await redeem(opened, row)

    assert (tried["state"], tried["code"]) == ("pending_partner", "wallet_frozen")
    assert await ended(opened, row) == ("posted", None)
    assert await opened.holds("stall") == 0


async def test_an_answer_that_names_no_agent_pays_nobody(opened: House) -> None:
    row = await send_voucher(opened, "50.00")
    await opened.answer(row, "voucher-redemption", "redeem", by="agent")
    await redeem(opened, row)

    assert await ended(opened, row) == ("posted", None)


async def test_an_escrow_that_nobody_releases_goes_back_when_its_days_are_over(
    opened: House, environment: WorkflowEnvironment
) -> None:
    before = await opened.holds("alice")
    row = await opened.begin(
        "escrow", "20.00", customer="alice", merchant="shop", expires_in_days=10
    )
    await opened.outcome(row, "pending_approval")
    await environment.sleep(timedelta(days=11))

    assert await ended(opened, row) == ("refused", "expired")
    assert await opened.holds("alice") == before


async def test_a_payment_request_that_nobody_answers_has_held_nothing(
    opened: House, environment: WorkflowEnvironment
) -> None:
    before = await opened.holds("alice")
    row = await opened.begin(
        "payment-request", "20.00", merchant="shop", customer="alice", expires_in_s=3600
    )
    await opened.outcome(row, "pending_approval")
    during = await opened.holds("alice")
    await environment.sleep(timedelta(minutes=59))
    still = await opened.outcome(row)
    await environment.sleep(timedelta(minutes=2))

    assert (during, still["state"]) == (before, "pending_approval")
    assert await ended(opened, row) == ("refused", "expired")


async def asleep(opened: House, row: CommandRow) -> int:
    """Wait until its timer runs; how many events it has by then."""
    while True:
        events = (await opened.handle(row).fetch_history()).events
        if events[-1].event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            return len(events)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("choice", "end"), [("reclaim", ("refused", "reclaimed")), ("escheat", ("posted", None))]
)
async def test_unclaimed_money_waits_for_years_with_one_timer(
    opened: House, environment: WorkflowEnvironment, choice: str, end: tuple[str, str | None]
) -> None:
    before = await opened.holds("alice")
    row = await opened.begin("dormancy", "20.00", customer="alice")
    await opened.outcome(row, "pending_partner")
    events = await asleep(opened, row)
    await environment.sleep(timedelta(days=7 * 365))
    later = len((await opened.handle(row).fetch_history()).events)
    await opened.answer(row, "unclaimed-answer", choice, bank_reference="BANK 5")

    assert later == events
    assert await ended(opened, row) == end
    back = 0 if choice == "reclaim" else 2_000
    assert await opened.holds("alice") == before - back
