"""Whole lives of movements that sleep, on a server that skips time: each ends once, at zero."""

import asyncio
import contextlib
import random
from collections import Counter
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from api.start import request_of
from mmo.kernel.refusals import Refused
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.outcome import Posted
from mmo.movements.voucher import EXPIRE, REDEEM
from tests.mmo.movements.test_terms_in_force import put
from tests.workflows.house import CLERK, TENANT, House
from tests.workflows.vouchers import NEW_NUMBER, in_escrow, redeem, send_voucher

RACES = 100


async def ended(opened: House, row: CommandRow) -> tuple[str, str | None]:
    """State and code once it is over; its account is empty then."""
    await opened.handle(row).result()
    outcome = await opened.outcome(row)
    assert await in_escrow(opened, row) == 0
    return outcome["state"], outcome["code"]


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


async def test_of_a_redemption_and_an_expiry_at_once_the_books_take_one(opened: House) -> None:
    """A hundred times, without the process that would not ask for both."""
    rows = [await opened.accept("voucher", "1.00", sender="alice") for _ in range(RACES)]
    won: Counter[str] = Counter()
    for row in rows:
        asked = request_of(TENANT, row)
        await opened.activities.execute(asked)
        at_agent = {"agent": opened.wallets["agent"].id}
        both = await asyncio.gather(
            opened.activities.execute(asked.then(REDEEM.number).joining(at_agent)),
            opened.activities.execute(asked.then(EXPIRE.number, because="expired")),
        )
        lost = [one for one in both if isinstance(one, Refused)]
        assert [one.code for one in lost] == ["insufficient_funds"]
        won["redeemed" if isinstance(both[0], Posted) else "expired"] += 1
        assert await in_escrow(opened, row) == 0

    assert won.total() == RACES


async def test_a_hundred_vouchers_redeemed_just_as_they_expire_end_once_each(
    opened: House, environment: WorkflowEnvironment
) -> None:
    before = await opened.holds("alice") + await opened.holds("agent")
    rows = [await send_voucher(opened, "1.00", expires_in_days=1) for _ in range(RACES)]

    async def at_some_moment(row: CommandRow) -> None:
        await asyncio.sleep(random.uniform(0, 2))
        with contextlib.suppress(RPCError):  # it has expired, and its process is over
            await redeem(opened, row)

    await asyncio.gather(
        environment.sleep(timedelta(days=1, hours=1)), *(at_some_moment(row) for row in rows)
    )
    ends = Counter([(await ended(opened, row))[0] for row in rows])

    assert ends.total() == RACES
    assert set(ends) <= {"posted", "refused"}
    assert await opened.holds("alice") + await opened.holds("agent") == before


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
