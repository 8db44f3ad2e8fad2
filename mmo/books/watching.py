"""The watch over the books: what must hold is looked at every few seconds.

What was posted since the last look is looked at each time; what can only be seen of all accounts,
in a pace that its cost sets. `mmo verify` proves everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from mmo.books import postgres, trust
from mmo.books.deriving import MIRRORS
from mmo.books.trust import Certificate

Connection = AsyncConnection[Any]
ROWS_MAX = 5
"""Violating rows that a finding names."""
ISSUANCE = "emoney-issuance"
"""The movement that is suspended where clients' money is missing."""
WATCH = "the watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one invariant."""

    invariant: str
    violations: int
    rows: Sequence[Mapping[str, Any]] = ()


async def horizon(connection: Connection) -> int:
    """The position up to which no transaction can appear any more."""
    cursor = await connection.execute(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def look(connection: Connection, tenant: int, since: int, until: int) -> list[Finding]:
    """Look at the journals from one position on, below another."""
    about = {"tenant": tenant, "since": since, "until": until}
    return [
        await _found(connection, "zero_sum", _ZERO_SUM, about),
        await _found(connection, "returned", _RETURNED, about),
        await _found(connection, "accepted", _ACCEPTED, about),
    ]


async def look_over(connection: Connection, tenant: int) -> list[Finding]:
    """Look at what can only be seen of all accounts; it takes the longer, the more there are."""
    about = {"tenant": tenant}
    return [
        await _found(connection, "total", _TOTAL, about),
        await _found(connection, "clearing", _CLEARING, about),
        await _found(connection, "mirrors", _MIRROR, about),
    ]


async def proofs(connection: Connection, tenant: int) -> tuple[str, list[Certificate]]:
    """The certificates of the newest day with a bank's statement; its date, or nothing."""
    cursor = await connection.execute(
        """SELECT max(d.business_date) FROM books.day d
             JOIN books.bank_statement s ON s.tenant_id = d.tenant_id AND s.as_of = d.business_date
            WHERE d.tenant_id = %s AND d.hash IS NOT NULL""",
        [tenant],
    )
    row = await cursor.fetchone()
    if row is None or row[0] is None:
        return "", []
    balance = await postgres.trial_balance(connection, tenant, row[0])
    statements = await trust.of_day(connection, tenant, row[0])
    return row[0].isoformat(), trust.certificates(balance, statements)


async def freeze(connection: Connection, tenant: int, day: str, certificate: Certificate) -> bool:
    """Suspend issuance for what is missing on a day; true where it was not suspended before."""
    reason = (
        f"{certificate.shortfall} minor units of clients' money are missing at the end of {day}"
    )
    cursor = await connection.execute(
        "SELECT books.suspend(%s, %s, %s, %s, %s)",
        [tenant, ISSUANCE, certificate.currency, reason, WATCH],
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def tell(connection: Connection, tenant: int, found: Sequence[Finding]) -> list[Finding]:
    """Write down what is something else than before; these findings."""
    news = list[Finding]()
    for one in found:
        cursor = await connection.execute(
            """INSERT INTO books.watch AS w (tenant_id, invariant, violations, detail)
               VALUES (%s, %s, %s, %s)
               ON CONFLICT (tenant_id, invariant) DO UPDATE
                  SET violations = excluded.violations, detail = excluded.detail, since = now()
                WHERE (w.violations, w.detail) IS DISTINCT FROM
                      (excluded.violations, excluded.detail)""",
            [tenant, one.invariant, one.violations, Jsonb([_plain(row) for row in one.rows])],
        )
        if cursor.rowcount:
            news.append(one)
    return news


async def told(connection: Connection, tenant: int) -> list[dict[str, Any]]:
    """What the watch found when it looked last."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        """SELECT invariant, violations, detail, since FROM books.watch
            WHERE tenant_id = %s ORDER BY invariant""",
        [tenant],
    )
    return await cursor.fetchall()


async def _found(
    connection: Connection, invariant: str, query: str, about: Mapping[str, Any]
) -> Finding:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query.encode(), about)
    rows = await cursor.fetchall()
    return Finding(invariant=invariant, violations=len(rows), rows=rows[:ROWS_MAX])


def _plain(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in row.items()}


_ZERO_SUM = """
    SELECT j.txn, j.step, a.book, a.currency, sum(l.amount) AS off_by
      FROM ledger.journal j
     CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
      LEFT JOIN ledger.account a ON a.tenant_id = j.tenant_id AND a.id = l.account_id
     WHERE j.tenant_id = %(tenant)s AND j.xid >= %(since)s AND j.xid < %(until)s AND j.status = 0
     GROUP BY j.txn, j.step, a.book, a.currency HAVING sum(l.amount) <> 0 OR a.book IS NULL"""

_TOTAL = """
    SELECT book, currency, sum(posted) AS off_by FROM ledger.balance
     WHERE tenant_id = %(tenant)s GROUP BY book, currency HAVING sum(posted) <> 0"""

_RETURNED = """
    SELECT x.* FROM (
           SELECT DISTINCT r.original FROM ledger.journal j
             JOIN movements.reversal r ON r.tenant_id = j.tenant_id AND r.movement = j.txn
            WHERE j.tenant_id = %(tenant)s AND j.xid >= %(since)s AND j.xid < %(until)s) o
     CROSS JOIN LATERAL (SELECT * FROM movements.reversal_excess e
                          WHERE e.tenant_id = %(tenant)s AND e.original = o.original) x"""

_ACCEPTED = """
    SELECT * FROM movements.journal_without_command
     WHERE tenant_id = %(tenant)s AND xid >= %(since)s AND xid < %(until)s"""

_CLEARING = "SELECT * FROM movements.stranded_account WHERE tenant_id = %(tenant)s"

_MIRROR = f"""
    SELECT e.currency, e.code, e.closing, coalesce(c.closing, 0) AS of_mirror
      FROM books.trial_balance e
      JOIN (VALUES {", ".join(f"('{one.pool}', '{one.own}')" for one in MIRRORS)}) m (pool, own)
        ON m.pool = e.code
      LEFT JOIN books.trial_balance c
        ON c.tenant_id = e.tenant_id AND c.business_date = e.business_date
       AND c.currency = e.currency AND c.code = m.own AND c.book = 'C'
     WHERE e.tenant_id = %(tenant)s AND e.book = 'E' AND e.closing <> -coalesce(c.closing, 0)
       AND e.business_date = (SELECT max(d.business_date) FROM books.day d
                               WHERE d.tenant_id = %(tenant)s AND d.state = 'closed')"""  # noqa: S608
"""Of the newest closed day."""
