"""The day of the books on real books: cut off at once, closed step by step, and then for ever."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mmo.books import postgres
from mmo.ledger.postgres import PostgresPostings
from mmo.movements.support.outcome import Posted
from mmo.tenancy.scope import scoped
from tests.mmo.books.closing import balance_of, broken, closed, closing, cut_off
from tests.mmo.movements.test_terms_in_force import FLAT, price
from tests.mmo.moving import operator, passed, rows, sends
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House
from workers.days import Days, NotSettledError, UnbalancedError, totals


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


async def dates(opened: House) -> tuple[Any, Any, Any]:
    found = await rows(
        opened.pool,
        """SELECT coalesce(business_date, (now() AT TIME ZONE t.timezone)::date), closed_through,
                  (now() AT TIME ZONE t.timezone)::date
             FROM ledger.tenant l JOIN tenancy.tenant t ON t.id = l.tenant_id
            WHERE l.tenant_id = %s""",
        TENANT.id,
    )
    return found[0]


async def clock(opened: House, zone: str) -> None:
    """Let the operator's clock be another: between these zones the date is always another."""
    query = "UPDATE tenancy.tenant SET timezone = %s WHERE id = %s RETURNING id"
    await rows(opened.pool, query, zone, TENANT.id)


async def day_of(opened: House, outcome: Any) -> Any:
    assert isinstance(outcome, Posted)
    query = "SELECT business_date FROM ledger.journal WHERE seq = %s"
    return (await rows(opened.pool, query, outcome.journal))[0][0]


async def test_fees_of_the_day_are_revenue_and_both_books_balance(
    opened: House, database: Database
) -> None:
    await price(opened, FLAT)
    for _ in range(3):
        await sends(opened, "10.00")

    day = await closed(opened)

    balance = await balance_of(opened, day.business_date)
    assert (balance["OP.FEES"].closing, balance["FEE_REVENUE"].closing) == (75_00, 75_00)
    assert (balance["OWN_EMONEY.fees"].closing, balance["TAX.EXCISE"].closing) == (-75_00, 15_00)
    assert day.state == "closed"
    assert day.hash is not None
    assert broken(database) == []


async def test_each_step_repeated_changes_nothing(opened: House, database: Database) -> None:
    await price(opened, FLAT)
    await sends(opened, "10.00")

    day = await closed(opened, times=3)

    balance = await balance_of(opened, day.business_date)
    assert balance["FEE_REVENUE"].closing == 25_00
    assert balance["FEE_REVENUE"].credits == 25_00
    assert broken(database) == []


async def test_after_the_cut_off_movements_are_of_the_next_day(opened: House) -> None:
    before = await sends(opened, "1.00")
    _, _, today = await dates(opened)

    cut = await cut_off(opened)
    after = await sends(opened, "1.00")

    assert cut == await day_of(opened, before) == today
    assert await day_of(opened, after) == today + timedelta(days=1)
    assert (await dates(opened))[0] == today + timedelta(days=1)


async def test_no_movement_under_way_at_the_cut_off_is_lost_between_the_days(
    opened: House, database: Database
) -> None:
    sending = [asyncio.create_task(sends(opened, "1.00")) for _ in range(40)]
    await asyncio.sleep(0.05)
    day = await closed(opened)
    outcomes = await asyncio.gather(*sending)

    assert {one.outcome for one in outcomes} == {"posted"}
    dated = [await day_of(opened, one) for one in outcomes]
    assert set(dated) <= {day.business_date, day.next_date}
    moved = (await balance_of(opened, day.business_date))["CUSTOMER"]
    assert moved.credits == 1_000_00 + 1_00 * dated.count(day.business_date)
    assert broken(database) == []


async def test_a_day_is_not_derived_while_something_of_it_is_still_under_way(
    opened: House, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.days.SETTLE_TRIES", 2)
    with psycopg.connect(database.admin) as under_way:
        under_way.execute("SELECT pg_current_xact_id()")
        day = await cut_off(opened)
        assert day is not None
        async with PostgresPostings(opened.pool) as postings:
            steps = Days(opened.pool, postings)
            with pytest.raises(NotSettledError):
                await steps.settle(closing(day))
            under_way.commit()
            await passed(opened.pool)
            await steps.settle(closing(day))


async def test_cut_off_again_it_is_the_same_day_and_the_day_to_come_cannot_be(
    opened: House,
) -> None:
    first, second = await asyncio.gather(cut_off(opened), cut_off(opened))
    assert first == second
    async with PostgresPostings(opened.pool) as postings:
        steps = Days(opened.pool, postings)
        assert first is not None
        for step in (steps.settle, steps.derive, steps.balance, steps.close):
            await step(closing(first))

    assert await cut_off(opened) is None


async def test_nothing_is_dated_into_a_closed_day(opened: House, database: Database) -> None:
    day = await closed(opened)
    async with scoped(opened.pool, TENANT.id) as connection:
        await postgres.close(connection, TENANT.id, day.business_date)

    with psycopg.connect(database.admin) as books:  # somebody turns the date of the books back
        books.execute("UPDATE ledger.tenant SET business_date = %s", [day.business_date])
        books.commit()
        sending = asyncio.create_task(sends(opened, "1.00"))
        await asyncio.sleep(0.5)
        assert not sending.done() or sending.exception() is not None
        books.execute("UPDATE ledger.tenant SET business_date = %s", [day.next_date])
        books.execute("SELECT ledger.raise_rules(%s)", [TENANT.id])
        books.commit()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert await day_of(opened, await sends(opened, "1.00")) == day.next_date
    assert broken(database) == []


async def test_the_next_day_opens_as_the_last_one_closed_and_chains_its_hash(
    opened: House, database: Database
) -> None:
    await price(opened, FLAT)
    await clock(opened, "Pacific/Midway")
    with psycopg.connect(database.admin) as books:  # clocks do not go back but in tests
        books.execute("SET session_replication_role = replica")
        books.execute(
            """UPDATE ledger.journal
                  SET business_date = (clock_timestamp() AT TIME ZONE 'Pacific/Midway')::date"""
        )
    await sends(opened, "10.00")
    first = await closed(opened)
    await sends(opened, "10.00")
    await clock(opened, "Pacific/Kiritimati")  # a day later, or two

    second = await closed(opened)

    assert second.previous == first.hash
    balance = await balance_of(opened, second.business_date)
    assert (balance["OP.FEES"].opening, balance["OP.FEES"].closing) == (25_00, 50_00)
    assert balance["FEE_REVENUE"].credits == 25_00
    assert broken(database) == []


@pytest.mark.parametrize(
    ("invariant", "plant"),
    [
        ("closed_days", "UPDATE books.account_day SET debits = debits + 1, credits = credits + 1"),
        ("day_hashes", "UPDATE books.account_day SET closing = closing + 1"),
        ("trial_balances", "UPDATE books.trial_balance SET closing = closing + 1"),
        ("mirrors", "UPDATE books.trial_balance SET closing = closing - 1 WHERE code = 'OP.FEES'"),
    ],
)
async def test_what_is_changed_in_a_closed_day_is_noticed(
    opened: House, database: Database, invariant: str, plant: str
) -> None:
    await price(opened, FLAT)
    await sends(opened, "10.00")
    await closed(opened)

    with psycopg.connect(database.admin) as books:
        books.execute("SET session_replication_role = replica")
        books.execute(plant.encode())

    assert invariant in broken(database)


def test_a_day_that_does_not_balance_is_not_closed() -> None:
    line = postgres.TrialLine(
        book="E", currency="KES", code="CUSTOMER", opening=0, debits=0, credits=1, closing=1
    )

    with pytest.raises(UnbalancedError, match="book E in KES"):
        totals([line])
