"""How long the end of a day takes, step by step, and how it grows with the accounts that moved."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from activities.days import ClosingDay
from benchmarks.ledger import own_server, recreate
from mmo.books import postgres
from mmo.database.migrate import migrate
from mmo.ledger.chart import OPENED
from mmo.ledger.postgres import PostgresPostings, configure
from mmo.tenancy.scope import scoped
from workers.days import Days

SIZES = (10_000, 100_000)
EACH = 2
"""Journals of the day for each account."""
TENANT, SLUG, DATABASE = 1, "bench", "mmo_bench_day"

_JOURNALS = """
    WITH o AS (SELECT array_agg(id) FILTER (WHERE code = 'CUSTOMER' AND posted > 0) AS people,
                      max(id) FILTER (WHERE code = 'OP.FEES') AS fees,
                      max(id) FILTER (WHERE code = 'TAX.EXCISE') AS taxes
                 FROM ledger.account WHERE tenant_id = %(tenant)s),
    j AS (SELECT n, o.fees, o.taxes, o.people[1 + n %% %(accounts)s] AS payer,
                 o.people[1 + (n + 1) %% %(accounts)s] AS payee
            FROM o, generate_series(0, %(accounts)s * %(each)s - 1) n)
    INSERT INTO ledger.journal (tenant_id, txn, step, seq, xid, kind, status, code, fingerprint,
                                accounts, amounts, roles, meta, effective_at, business_date)
    SELECT %(tenant)s, uuidv7(), 1, n + 1, pg_current_xact_id()::text::bigint, 0, 0,
           'p2p-transfer', '\\x00', ARRAY[payer, payee, fees, taxes], ARRAY[-103, 100, 2, 1],
           '{payer,payee,OP.FEES,TAX.EXCISE}', '{"prices": {"A": 100, "F": 2, "X": 1}}', now(),
           (now() AT TIME ZONE 'Africa/Nairobi')::date
      FROM j"""


@dataclass(frozen=True, slots=True)
class Closed:
    """Seconds of each step, for so many accounts that moved."""

    accounts: int
    steps: dict[str, float]

    @property
    def seconds(self) -> float:
        return sum(self.steps.values())


def measure(sizes: Sequence[int]) -> list[Closed]:
    """Close a day of each size, on a server of this run's own."""
    with own_server() as server:
        return [asyncio.run(_closed(_prepared(server, size), size)) for size in sizes]


def _prepared(server: str, accounts: int) -> str:
    """A fresh database with accounts and the journals of a day, put there by one statement each."""
    recreate(server, DATABASE)
    dsn = make_conninfo(server, dbname=DATABASE)
    migrate(dsn)
    about = {"tenant": TENANT, "accounts": accounts, "each": EACH}
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO tenancy.tenant (id, slug, name, country, timezone, currencies)
               VALUES (%s, %s, 'Bench', 'KE', 'Africa/Nairobi', '{KES}')""",
            [TENANT, SLUG],
        )
        connection.execute("SELECT ledger.open_tenant(%s)", [TENANT])
        for one in OPENED:
            connection.execute(
                "SELECT ledger.open_account(%s, %s, 'KES', %s, %s)",
                [TENANT, one.code, one.book, one.kept == "deferred"],
            )
        connection.execute(
            """SELECT count(ledger.open_account(%(tenant)s, 'CUSTOMER', 'KES'))
                 FROM generate_series(1, %(accounts)s)""",
            about,
        )
        connection.execute("UPDATE ledger.account SET posted = 10^12 WHERE code = 'CUSTOMER'")
        connection.execute(_JOURNALS.encode(), about)
        connection.execute("VACUUM ANALYZE ledger.account, ledger.journal")
    return dsn


async def _closed(dsn: str, accounts: int) -> Closed:
    found: dict[str, float] = {}
    async with (
        AsyncConnectionPool(dsn, min_size=1, max_size=2, configure=configure, open=False) as pool,
        PostgresPostings(pool) as postings,
    ):
        async with scoped(pool, TENANT) as connection:
            date = await postgres.cut_off(connection, TENANT, "bench")
        assert date is not None
        day, days = (
            ClosingDay(tenant=SLUG, tenant_id=TENANT, date=date.isoformat()),
            Days(pool, postings),
        )
        for step in (days.settle, days.derive, days.balance, days.report, days.close):
            began = time.perf_counter()
            await step(day)
            found[step.__name__] = round(time.perf_counter() - began, 2)
        await _is_right(pool, date, accounts)
    return Closed(accounts, found)


async def _is_right(pool: AsyncConnectionPool[Any], date: Any, accounts: int) -> None:
    """A day that is closed wrongly is closed in no time."""
    async with scoped(pool, TENANT) as connection:
        lines = await postgres.trial_balance(connection, TENANT, date)
    fees = next(line for line in lines if line.code == "OP.FEES")
    assert fees.credits == 2 * EACH * accounts, fees


def table(runs: Sequence[Closed]) -> str:
    """The table, in Markdown, and how the last compares with the first."""
    names = list(runs[0].steps)
    lines = [f"| accounts | journals | {' | '.join(names)} | s in all |"]
    lines.append("| " + " | ".join("---" for _ in range(len(names) + 3)) + " |")
    for run in runs:
        cells = [f"{run.steps[name]}" for name in names]
        lines.append(
            f"| {run.accounts:,} | {run.accounts * EACH:,} | {' | '.join(cells)} "
            f"| {run.seconds:.1f} |"
        )
    first, last = runs[0], runs[-1]
    if last.accounts > first.accounts:
        lines.append(
            f"{last.accounts / first.accounts:.0f} times the accounts take "
            f"{last.seconds / first.seconds:.1f} times as long"
        )
    return "\n".join(lines)
