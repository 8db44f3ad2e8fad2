"""The day in Postgres: cut off, settled, derived, balanced, sealed and closed; all repeatable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from mmo.books.deriving import CODES, DERIVED, Moved
from mmo.books.of_the_day import OF_THE_DAY

Connection = AsyncConnection[Any]
_DAY = """business_date, state, opened_xid, cut_xid, cut_at, cut_by, next_date, journals, previous,
          hash, closed_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of the books."""

    business_date: date
    state: str
    opened_xid: int
    cut_xid: int
    cut_at: datetime
    cut_by: str
    next_date: date
    journals: int | None
    previous: bytes | None
    hash: bytes | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One code of one book: minor units; opening and closing are credit-positive."""

    book: str
    currency: str
    code: str
    opening: int
    debits: int
    credits: int
    closing: int


async def cut_off(connection: Connection, tenant: int, by: str) -> date | None:
    """Cut the open day off; the day that is being closed. None: the open day has not begun yet."""
    cursor = await connection.execute("SELECT books.cut_off(%s, %s)", [tenant, by])
    row = await cursor.fetchone()
    return row[0] if row else None


async def find(connection: Connection, tenant: int, day: date) -> Day | None:
    """A day that was cut off."""
    cursor = connection.cursor(row_factory=class_row(Day))
    await cursor.execute(
        f"SELECT {_DAY} FROM books.day WHERE tenant_id = %s AND business_date = %s",  # noqa: S608
        [tenant, day],
    )
    return await cursor.fetchone()


async def listed(
    connection: Connection, tenant: int, before: date | None, limit: int
) -> Sequence[Day]:
    """Days that were cut off, the newest first."""
    cursor = connection.cursor(row_factory=class_row(Day))
    await cursor.execute(
        f"""SELECT {_DAY} FROM books.day
             WHERE tenant_id = %s AND (%s::date IS NULL OR business_date < %s)
             ORDER BY business_date DESC LIMIT %s""",  # noqa: S608
        [tenant, before, before, limit],
    )
    return await cursor.fetchall()


async def open_date(connection: Connection, tenant: int) -> tuple[date, date]:
    """The day that is open, and the date by the tenant's own clock."""
    cursor = await connection.execute(
        """SELECT coalesce(l.business_date, c.today), c.today
             FROM ledger.tenant l JOIN tenancy.tenant t ON t.id = l.tenant_id
            CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE t.timezone)::date AS today) c
            WHERE l.tenant_id = %s""",
        [tenant],
    )
    row = await cursor.fetchone()
    assert row is not None, f"tenant {tenant} is not in the ledger"
    return row


async def overdue(connection: Connection, tenant: int) -> bool:
    """Whether the open day is over by the tenant's clock. Not where books follow the calendar."""
    cursor = await connection.execute(
        """SELECT l.business_date < (now() AT TIME ZONE t.timezone)::date
             FROM ledger.tenant l JOIN tenancy.tenant t ON t.id = l.tenant_id
            WHERE l.tenant_id = %s AND l.business_date IS NOT NULL""",
        [tenant],
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def settled(connection: Connection, day: Day) -> bool:
    """Whether every transaction that may have dated something on the day has ended."""
    cursor = await connection.execute(
        "SELECT %s < pg_snapshot_xmin(pg_current_snapshot())::text::bigint", [day.cut_xid]
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def moved(connection: Connection, tenant: int, day: date) -> list[Moved]:
    """How the operator's pools and their mirrors changed, by type of movement."""
    cursor = connection.cursor(row_factory=class_row(Moved))
    await cursor.execute(
        f"""SELECT j.code AS movement, a.currency::text, a.code, sum(l.amount)::bigint AS amount
              FROM books.day d
              JOIN ledger.journal j ON {OF_THE_DAY}
             CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
              JOIN ledger.account a ON a.tenant_id = j.tenant_id AND a.id = l.account_id
             WHERE d.tenant_id = %s AND d.business_date = %s
               AND a.code = ANY (%s) AND j.code <> ALL (%s)
             GROUP BY j.code, a.currency, a.code""",  # noqa: S608 - our own condition
        [tenant, day, list(CODES), list(DERIVED)],
    )
    return await cursor.fetchall()


async def chart(connection: Connection, tenant: int) -> dict[tuple[str, str], int]:
    """(code, currency) → account of the chart, for the derived postings."""
    cursor = await connection.execute(
        """SELECT a.code, a.currency::text, a.id FROM ledger.account a
            WHERE a.tenant_id = %s AND a.instance_txn IS NULL AND a.book = 'C'""",
        [tenant],
    )
    return {(code, currency): number for code, currency, number in await cursor.fetchall()}


async def balance(connection: Connection, tenant: int, day: date) -> None:
    """Write down what each account and each code of the chart moved and came to on the day."""
    about = {"tenant": tenant, "day": day}
    await connection.execute(
        f"""INSERT INTO books.account_day
            (tenant_id, account_id, business_date, debits, credits, closing)
            SELECT m.tenant_id, m.account_id, %(day)s, m.debits, m.credits,
                   coalesce(p.closing, 0) + m.credits - m.debits
              FROM (SELECT j.tenant_id, l.account_id,
                           -coalesce(sum(least(l.amount, 0)), 0)::bigint AS debits,
                           coalesce(sum(greatest(l.amount, 0)), 0)::bigint AS credits
                      FROM books.day d
                      JOIN ledger.journal j ON {OF_THE_DAY}
                     CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
                     WHERE d.tenant_id = %(tenant)s AND d.business_date = %(day)s
                     GROUP BY j.tenant_id, l.account_id) m
              LEFT JOIN LATERAL (
                    SELECT a.closing FROM books.account_day a
                     WHERE a.tenant_id = m.tenant_id AND a.account_id = m.account_id
                       AND a.business_date < %(day)s
                     ORDER BY a.business_date DESC LIMIT 1) p ON true
            ON CONFLICT DO NOTHING""",  # noqa: S608 - our own condition
        about,
    )
    await connection.execute(
        """INSERT INTO books.trial_balance
           (tenant_id, business_date, book, currency, code, opening, debits, credits, closing)
           SELECT %(tenant)s, %(day)s, book, currency, code, sum(opening), sum(debits),
                  sum(credits), sum(opening) + sum(credits) - sum(debits)
             FROM (SELECT b.book, b.currency, b.code, b.closing AS opening, 0 AS debits,
                          0 AS credits
                     FROM books.trial_balance b
                    WHERE b.tenant_id = %(tenant)s AND b.business_date = (
                          SELECT max(p.business_date) FROM books.day p
                           WHERE p.tenant_id = %(tenant)s AND p.business_date < %(day)s)
                    UNION ALL
                   SELECT a.book, a.currency, a.code, 0, m.debits, m.credits
                     FROM books.account_day m
                     JOIN ledger.account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id
                    WHERE m.tenant_id = %(tenant)s AND m.business_date = %(day)s) t
            GROUP BY book, currency, code
           ON CONFLICT DO NOTHING""",
        about,
    )


async def trial_balance(connection: Connection, tenant: int, day: date) -> list[TrialLine]:
    """The trial balance of a day, by book, currency and code."""
    cursor = connection.cursor(row_factory=class_row(TrialLine))
    await cursor.execute(
        """SELECT book, currency, code, opening, debits, credits, closing FROM books.trial_balance
            WHERE tenant_id = %s AND business_date = %s ORDER BY book, currency, code""",
        [tenant, day],
    )
    return await cursor.fetchall()


async def seal(connection: Connection, tenant: int, day: date) -> None:
    """Hash what the day came to, on the hash of the day before: whoever has it can prove it."""
    await connection.execute(
        f"""UPDATE books.day d
               SET previous = p.hash, hash = {HASH},
                   journals = (SELECT count(*) FROM ledger.journal j WHERE {OF_THE_DAY})
              FROM (SELECT (SELECT p.hash FROM books.day p
                             WHERE p.tenant_id = %(tenant)s AND p.business_date < %(day)s
                             ORDER BY p.business_date DESC LIMIT 1) AS hash) p
             WHERE d.tenant_id = %(tenant)s AND d.business_date = %(day)s
               AND d.state = 'closing'""",  # noqa: S608 - our own expressions
        {"tenant": tenant, "day": day},
    )


HASH = """sha256(coalesce(p.hash, '') || convert_to(d.business_date::text || E'\\n' || coalesce((
              SELECT string_agg(concat_ws('|', a.account_id, a.debits, a.credits, a.closing), E'\\n'
                                ORDER BY a.account_id)
                FROM books.account_day a
               WHERE a.tenant_id = d.tenant_id
                 AND a.business_date = d.business_date), ''), 'UTF8'))"""
"""SHA-256 over the hash of the day before (`p`), the date, and a line per account that moved."""


async def keep_report(
    connection: Connection, tenant: int, day: date, name: str, content: Any
) -> None:
    """Keep a report of the day; the first one stays."""
    await connection.execute(
        """INSERT INTO books.report (tenant_id, business_date, name, content)
           VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [tenant, day, name, Jsonb(content)],
    )


async def report(connection: Connection, tenant: int, day: date, name: str) -> Any | None:
    """A report of a day, as it was when it was closed."""
    cursor = await connection.execute(
        """SELECT content FROM books.report
            WHERE tenant_id = %s AND business_date = %s AND name = %s""",
        [tenant, day, name],
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def reports(connection: Connection, tenant: int, day: date) -> list[str]:
    """The names of a day's reports."""
    cursor = await connection.execute(
        "SELECT name FROM books.report WHERE tenant_id = %s AND business_date = %s ORDER BY name",
        [tenant, day],
    )
    return [name for (name,) in await cursor.fetchall()]


async def close(connection: Connection, tenant: int, day: date) -> None:
    """Close the day for ever. Safe to repeat."""
    await connection.execute("SELECT books.close(%s, %s)", [tenant, day])


async def closing(connection: Connection, tenant: int) -> date | None:
    """The day that is being closed."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        "SELECT business_date FROM books.day WHERE tenant_id = %s AND state = 'closing'", [tenant]
    )
    row = await cursor.fetchone()
    return row["business_date"] if row else None
