"""The sweeper: what was accepted is carried out, and what ended without a word is closed."""

import asyncio
from typing import Any

import psycopg

from api.start import start
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
    return Sweeper(opened.commands, register, clients, unanswered_s, mend_first_s=0.0)


def counted() -> Counters:
    return measured("mmo_sweeper_started_total"), measured("mmo_sweeper_mended_total")


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


async def test_what_was_ended_by_hand_before_it_began_is_carried_out_all_the_same(
    opened: House, clients: TenantClients
) -> None:
    row = await issuing(opened)
    await start(opened.client, TENANT, row, eager=False)
    await opened.handle(row).terminate("by hand")

    async with opened.worker():
        await sweeping(opened, clients).sweep()
        outcome = await opened.outcome(row, "posted")

    assert outcome["code"] is None
    assert sorted(await journal(opened, row)) == [(1, 0), (2, 0)]


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


async def test_a_transfer_whose_process_was_ended_is_posted_when_it_is_begun_anew(
    opened: House, clients: TenantClients
) -> None:
    async with opened.worker():
        await give_everybody_money(opened)
    row = await opened.begin("p2p-transfer", "5.00", sender="alice", recipient="bob")
    await opened.handle(row).terminate("by hand")

    async with opened.worker():
        await sweeping(opened, clients).sweep()
        await opened.outcome(row, "posted")

    assert await opened.holds("bob") == 500
