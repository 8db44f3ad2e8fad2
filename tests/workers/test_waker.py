"""Wakers: an event of the feed wakes the movements that sleep on it, and nobody else."""

from typing import Any, cast

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from mmo.movements.support.commands import CommandRow
from mmo.movements.support.waking import Waker, about_wallet
from tests.mmo.moving import passed
from tests.workflows.house import CLERK, TENANT, House, give_everybody_money
from workers.waker import Waking, wakers
from workers.wiring import TenantClients

FROZEN = Waker(
    name="frozen-holder",
    about=about_wallet("mmo.wallet.frozen.v1"),
    find="""SELECT c.tenant_id, c.movement_id
              FROM unnest(%(tenants)s::int[], %(keys)s::text[]) k (tenant, wallet)
              JOIN movements.command c ON c.tenant_id = k.tenant AND c.body ->> 'holder' = k.wallet
             WHERE c.type = 'emoney-redemption'""",
)
"""Redemptions do not sleep on the state of their holder's wallet; here they are as if."""


@pytest.fixture
def waking(opened: House) -> Waking:
    async def client(_: Any) -> Client:
        return opened.client

    return Waking(opened.pool, cast("TenantClients", client), [FROZEN])


async def waiting(opened: House) -> CommandRow:
    row = await opened.begin("emoney-redemption", "70.00", holder="super")
    await opened.outcome(row, "pending_partner")
    return row


async def freeze(opened: House, name: str) -> None:
    await opened.changes.freeze(TENANT.id, opened.identifier(name), CLERK)
    await passed(opened.pool)


async def all_rounds(waking: Waking) -> None:
    while await waking.round():
        pass


async def wakes(opened: House, row: CommandRow) -> int:
    """How often its history says that it was woken."""
    signals = [
        event.workflow_execution_signaled_event_attributes.signal_name
        async for event in opened.handle(row).fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    return signals.count("wake")


async def test_an_event_wakes_the_movement_that_sleeps_on_it_once(
    opened: House, waking: Waking
) -> None:
    async with opened.worker():
        await give_everybody_money(opened)
        row = await waiting(opened)
        await all_rounds(waking)
        before = await wakes(opened, row)
        await freeze(opened, "super")
        await all_rounds(waking)
        await all_rounds(waking)

    assert (before, await wakes(opened, row)) == (0, 1)


async def test_an_event_about_somebody_else_wakes_nobody(opened: House, waking: Waking) -> None:
    async with opened.worker():
        await give_everybody_money(opened)
        row = await waiting(opened)
        await freeze(opened, "alice")
        await all_rounds(waking)

    assert await wakes(opened, row) == 0


async def test_a_page_that_is_read_twice_wakes_twice_and_changes_nothing(
    opened: House, waking: Waking
) -> None:
    async with opened.worker():
        await give_everybody_money(opened)
        row = await waiting(opened)
        await freeze(opened, "super")
        await all_rounds(waking)
        async with opened.pool.connection() as connection:
            await connection.execute("DELETE FROM messaging.cursor WHERE consumer = 'waker'")
        await all_rounds(waking)
        await opened.changes.unfreeze(TENANT.id, opened.identifier("super"), CLERK)
        await opened.answer(row, "bank-answer", "paid")
        await opened.handle(row).result()

    assert await wakes(opened, row) == 2
    assert (await opened.outcome(row))["state"] == "posted"


async def test_a_movement_that_has_ended_is_passed_over(opened: House, waking: Waking) -> None:
    async with opened.worker():
        await give_everybody_money(opened)
        row = await waiting(opened)
        await opened.answer(row, "bank-answer", "paid")
        await opened.handle(row).result()
        await freeze(opened, "super")
        await all_rounds(waking)

    assert await wakes(opened, row) == 0
    assert not await waking.round(), "the page is behind it"


async def test_while_temporal_is_away_the_page_is_kept(
    opened: House, waking: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> Client:
        raise OSError("away")

    async with opened.worker():
        await give_everybody_money(opened)
        row = await waiting(opened)
        await all_rounds(waking)
        await freeze(opened, "super")
        with monkeypatch.context() as patch:
            patch.setattr(waking, "_clients", away)
            with pytest.raises(OSError, match="away"):
                await waking.round()
        await all_rounds(waking)

    assert await wakes(opened, row) == 1


def test_each_waker_of_the_catalogue_has_a_name_of_its_own() -> None:
    assert len({one.name for one in wakers()}) == len(wakers())
