"""Days of an operator in one process: cut off, closed step by step, and proved."""

from datetime import date
from typing import Any

import psycopg

from activities.days import ClosingDay
from mmo.books import postgres
from mmo.books.postgres import Day, TrialLine
from mmo.books.verify import INVARIANTS
from mmo.ledger.postgres import PostgresPostings
from mmo.ledger.verify import verify
from mmo.tenancy.scope import scoped
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House
from workers.days import Days


async def cut_off(opened: House) -> date | None:
    async with scoped(opened.pool, TENANT.id) as connection:
        return await postgres.cut_off(connection, TENANT.id, "tests")


def closing(day: date) -> ClosingDay:
    return ClosingDay(tenant=TENANT.slug, tenant_id=TENANT.id, date=day.isoformat())


async def closed(opened: House, times: int = 1) -> Day:
    """Cut the open day off and close it, each step as often as told."""
    day = await cut_off(opened)
    assert day is not None
    async with PostgresPostings(opened.pool) as postings:
        steps, asked = Days(opened.pool, postings), closing(day)
        for step in (steps.settle, steps.derive, steps.balance, steps.report, steps.close):
            for _ in range(times):
                await step(asked)
    async with scoped(opened.pool, TENANT.id) as connection:
        found = await postgres.find(connection, TENANT.id, day)
    assert found is not None
    return found


async def balance_of(opened: House, day: date) -> dict[str, TrialLine]:
    async with scoped(opened.pool, TENANT.id) as connection:
        lines = await postgres.trial_balance(connection, TENANT.id, day)
    return {line.code: line for line in lines}


def broken(database: Database) -> list[str]:
    """The invariants of ledger and books that do not hold."""
    with psycopg.connect(database.admin) as connection:
        checks: list[Any] = verify(connection, more=INVARIANTS)
    return [check.invariant.name for check in checks if not check.holds]
