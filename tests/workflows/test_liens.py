"""Reversals of what the receiver has spent: a lien stands, later credits pay, and time ends it."""

import asyncio
from datetime import timedelta
from typing import Any, cast

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from mmo.movements.support.commands import CommandRow
from tests.mmo.moving import passed, rows
from tests.workflows.house import House
from tests.workflows.parked import ended
from workers.waker import Waking, wakers
from workers.wiring import TenantClients

HALF_A_YEAR = timedelta(days=181)


async def sends(opened: House, value: str, sender: str, recipient: str) -> CommandRow:
    """Move money without letting time be skipped: a result that is awaited would."""
    sent = await opened.begin("p2p-transfer", value, sender=sender, recipient=recipient)
    assert (await opened.outcome(sent))["state"] == "posted"
    return sent


async def spent(opened: House, gone: str | None = "400.00") -> CommandRow:
    """Alice has sent Bob KES 1,000.00, of which so much is gone."""
    sent = await sends(opened, "1000.00", "alice", "bob")
    if gone:
        await sends(opened, gone, "bob", "alice")
    return sent


async def reversing(opened: House, original: CommandRow, value: str = "1000.00") -> CommandRow:
    row = await opened.begin(
        "reversal", value, original=str(original.movement_id), payer="bob", payee="alice",
        if_short="lien",
    )  # fmt: skip
    await opened.outcome(row, "pending_partner")
    return row


async def wake(opened: House) -> None:
    """Let the waker see all that has happened."""

    async def client(_: Any) -> Client:
        return opened.client

    await passed(opened.pool)
    waking = Waking(opened.pool, cast("TenantClients", client), wakers())
    while await waking.round():
        pass


async def left(opened: House) -> list[int]:
    return [
        row[0]
        for row in await rows(opened.pool, 'SELECT "left" FROM movements.lien ORDER BY movement')
    ]


async def until_left(opened: House, *wanted: int) -> None:
    for _ in range(500):
        if await left(opened) == list(wanted):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"liens are {await left(opened)}")


async def original_state(opened: House, original: CommandRow) -> str:
    kept = await opened.commands.find(original.tenant_id, original.movement_id)
    assert kept is not None
    return kept.state


async def taken_of(opened: House, original: CommandRow) -> int:
    ((taken,),) = await rows(
        opened.pool, "SELECT taken FROM movements.claim WHERE of = %s", original.movement_id
    )
    return taken


async def pending(opened: House) -> int:
    ((total,),) = await rows(
        opened.pool,
        """SELECT coalesce(sum(posted), 0)::bigint FROM ledger.account
            WHERE code = 'REVERSAL_PENDING'""",
    )
    return total


async def test_what_is_there_is_taken_at_once_and_the_rest_of_later_credits(
    opened: House,
) -> None:
    before = await opened.holds("alice")
    original = await spent(opened)

    row = await reversing(opened, original)
    await until_left(opened, 40_000)
    at_once = (await opened.holds("bob"), await pending(opened))
    await sends(opened, "150.00", "alice", "bob")
    await wake(opened)
    await until_left(opened, 25_000)
    await sends(opened, "300.00", "alice", "bob")
    await wake(opened)
    await ended(opened, row)

    outcome = await opened.outcome(row)
    assert at_once == (0, 60_000)
    assert (outcome["state"], outcome["code"]) == ("posted", None)
    assert (await pending(opened), await left(opened)) == (0, [])
    assert await opened.holds("bob") == 5_000
    assert await opened.holds("alice") == before - 5_000
    assert await original_state(opened, original) == "reversed"


async def test_whoever_has_enough_pays_at_once_though_a_lien_was_allowed(opened: House) -> None:
    original = await spent(opened, None)

    row = await opened.begin(
        "reversal", "1000.00", original=str(original.movement_id), payer="bob", payee="alice",
        if_short="lien",
    )  # fmt: skip
    await ended(opened, row)

    assert (await opened.outcome(row))["state"] == "posted"
    assert await left(opened) == []
    assert await opened.holds("bob") == 0


async def test_after_half_a_year_what_was_collected_is_paid_out_and_the_lien_lifted(
    opened: House, environment: WorkflowEnvironment
) -> None:
    before = await opened.holds("alice")
    original = await spent(opened)
    row = await reversing(opened, original)
    await until_left(opened, 40_000)

    await environment.sleep(HALF_A_YEAR)
    await opened.handle(row).result()

    outcome = await opened.outcome(row)
    assert (outcome["state"], outcome["code"]) == ("posted", "lien_expired")
    assert outcome["prices"] == {"A": 60_000}
    assert (await pending(opened), await left(opened)) == (0, [])
    assert (await opened.holds("alice"), await opened.holds("bob")) == (before, 0)
    assert await original_state(opened, original) == "partially_refunded"
    assert await taken_of(opened, original) == 60_000


async def test_a_wallet_that_never_gets_anything_ends_the_reversal_with_nothing(
    opened: House, environment: WorkflowEnvironment
) -> None:
    original = await spent(opened, "1000.00")
    row = await reversing(opened, original)

    await environment.sleep(HALF_A_YEAR)
    await opened.handle(row).result()

    outcome = await opened.outcome(row)
    assert (outcome["state"], outcome["code"]) == ("refused", "lien_expired")
    assert await left(opened) == []
    assert await original_state(opened, original) == "posted"
    assert await taken_of(opened, original) == 0


async def test_of_two_liens_on_a_wallet_the_older_is_paid_first(opened: House) -> None:
    first, second = await spent(opened, "1000.00"), await spent(opened, "1000.00")
    older = await reversing(opened, first)
    younger = await reversing(opened, second)
    await until_left(opened, 100_000, 100_000)

    await sends(opened, "1300.00", "alice", "bob")
    await wake(opened)
    await ended(opened, older)
    await wake(opened)
    await until_left(opened, 70_000)

    assert await original_state(opened, first) == "reversed"
    assert (await opened.outcome(younger))["state"] == "pending_partner"
    assert await opened.holds("bob") == 0
    await sends(opened, "700.00", "alice", "bob")
    await wake(opened)
    await ended(opened, younger)
    assert await original_state(opened, second) == "reversed"


async def test_a_wake_that_proves_nothing_takes_nothing(opened: House) -> None:
    row = await reversing(opened, await spent(opened))
    await until_left(opened, 40_000)

    for _ in range(3):
        await opened.handle(row).signal("wake", "whatever")
    await sends(opened, "400.00", "alice", "bob")
    await wake(opened)
    await ended(opened, row)

    assert (await opened.outcome(row))["state"] == "posted"
    assert await opened.holds("bob") == 0
