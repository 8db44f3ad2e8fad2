"""The sweeper: what was accepted is carried out, and what ended without a word is closed."""

import asyncio
from typing import Any

import psycopg

from api.start import request_of
from mmo.messaging.postgres import head
from mmo.movements.support.commands import CommandRow
from mmo.tenancy.postgres import TenantRegister
from tests.measured import measured
from tests.mmo.moving import passed, rows
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House, give_everybody_money
from workers import sweeper
from workers.sweeper import Sweeper
from workers.wiring import TenantClients

Counters = tuple[float, float]


def sweeping(opened: House, clients: TenantClients, unanswered_s: float = 0.0) -> Sweeper:
    register = TenantRegister(opened.pool)
    return Sweeper(opened.commands, register, clients, opened.activities, unanswered_s)


def counted() -> Counters:
    return measured("mmo_sweeper_started_total"), measured("mmo_sweeper_failed_total")


async def issuing(opened: House) -> CommandRow:
    return await opened.accept(
        "emoney-issuance", "50.00", ["emoney:release"], recipient="super", bank_reference="BANK 1"
    )


async def journal(opened: House, row: CommandRow) -> list[tuple[Any, ...]]:
    return await rows(
        opened.pool, "SELECT step, status FROM ledger.journal WHERE txn = %s", row.movement_id
    )


async def test_what_a_crash_left_accepted_is_started_and_carried_out_once(
    opened: House, clients: TenantClients
) -> None:
    row, before = await issuing(opened), counted()
    sweep = sweeping(opened, clients).sweep

    async with opened.worker():
        assert await sweep() is False
        await opened.outcome(row, "posted")
        await opened.handle(row).result()
        await sweep()

    assert counted() == (before[0] + 1, before[1])
    assert await opened.holds("super") == 5000
    assert sorted(await journal(opened, row)) == [(1, 0), (2, 0)]


async def test_sweepers_at_once_start_a_movement_once(
    opened: House, clients: TenantClients
) -> None:
    row = await issuing(opened)

    await asyncio.gather(*(sweeping(opened, clients).sweep() for _ in range(4)))
    async with opened.worker():
        await opened.handle(row).result()

    assert await opened.holds("super") == 5000


async def test_who_was_accepted_a_moment_ago_is_left_to_the_front(
    opened: House, clients: TenantClients
) -> None:
    row, before = await issuing(opened), counted()

    await sweeping(opened, clients, sweeper.UNANSWERED_S).sweep()

    assert counted() == before
    kept = await opened.commands.find(row.tenant_id, row.movement_id)
    assert kept is not None
    assert (kept.state, kept.outcome) == ("accepted", None)


async def test_what_still_runs_is_left_alone(opened: House, clients: TenantClients) -> None:
    row = await opened.begin(
        "emoney-issuance", "50.00", ["emoney:release"], recipient="super", bank_reference="BANK 1"
    )
    before = counted()

    await sweeping(opened, clients).sweep()

    assert counted() == before
    assert measured("mmo_commands_unanswered") == 1
    async with opened.worker():
        await opened.handle(row).result()
    assert (await opened.outcome(row))["state"] == "posted"


async def test_what_was_ended_by_hand_without_a_word_is_closed_as_failed(
    opened: House, clients: TenantClients
) -> None:
    row = await opened.begin(
        "emoney-issuance", "50.00", ["emoney:release"], recipient="super", bank_reference="BANK 1"
    )
    await opened.handle(row).terminate("by hand")
    before = counted()

    await sweeping(opened, clients).sweep()
    await sweeping(opened, clients).sweep()

    outcome = await opened.outcome(row)
    assert (outcome["state"], outcome["code"]) == ("refused", "failed")
    assert counted() == (before[0], before[1] + 1)
    assert await opened.commands.unanswered(-60, 10) == []
    assert await journal(opened, row) == []


async def test_an_outcome_that_came_in_the_meantime_stands(
    opened: House, clients: TenantClients
) -> None:
    row = await issuing(opened)
    async with opened.worker():
        await sweeping(opened, clients).sweep()
        await opened.handle(row).result()

    assert await opened.commands.fail(row.tenant_id, row.movement_id) is False
    assert (await opened.outcome(row))["state"] == "posted"


async def test_deferred_accounts_are_folded_and_add_up(opened: House, database: Database) -> None:
    async with opened.worker():
        await opened.move("emoney-issuance", "50.00", recipient="super", bank_reference="BANK 1")
    with psycopg.connect(database.admin, autocommit=True) as books:
        before = books.execute("SELECT count(*) FROM ledger.hot_delta").fetchone()
        assert before is not None
        assert before[0] > 0

        stop = asyncio.Event()
        rolling = asyncio.create_task(sweeper.rollup(database.settings("mmo_sweeper"), stop))
        for _ in range(200):
            left = books.execute("SELECT count(*) FROM ledger.hot_delta").fetchone()
            if left == (0,):
                break
            await asyncio.sleep(0.05)
        stop.set()
        await rolling

        assert left == (0,)
        total = books.execute("SELECT sum(posted) FROM ledger.balance").fetchone()
        assert total == (0,)
    await passed(opened.pool)
    async with opened.pool.connection() as connection:
        assert await head(connection) > 0


async def test_an_issuance_that_was_terminated_while_it_waited_goes_back_to_the_bank(
    opened: House, clients: TenantClients
) -> None:
    async with opened.worker():
        row = await opened.begin("emoney-issuance", "7.00", recipient="super", bank_reference="B")
        await opened.outcome(row, "pending_approval")
        await opened.handle(row).terminate("by hand")

        await sweeping(opened, clients, sweeper.UNANSWERED_S).sweep()
        await sweeping(opened, clients, sweeper.UNANSWERED_S).sweep()

    outcome = await opened.outcome(row, "refused")
    assert outcome["code"] == "failed"
    assert sorted(await journal(opened, row)) == [(1, 0), (3, 0)]
    pending = "SELECT posted FROM ledger.account WHERE code = 'ISSUANCE_PENDING'"
    assert await rows(opened.pool, pending) == [(0,)]


async def test_what_was_set_aside_is_free_again_when_its_process_is_gone(
    opened: House, clients: TenantClients
) -> None:
    async with opened.worker():
        await give_everybody_money(opened)
    row = await opened.begin("p2p-transfer", "5.00", sender="alice", recipient="bob")
    await opened.activities.reserve(request_of(TENANT, row))
    held = "SELECT sum(held)::int FROM ledger.account"
    assert await rows(opened.pool, held) == [(500,)]
    await opened.handle(row).terminate("by hand")

    await sweeping(opened, clients).sweep()

    assert await rows(opened.pool, held) == [(0,)]
    assert (await opened.outcome(row, "refused"))["code"] == "failed"
