"""Proves the books: each invariant of the ledger as one set-based query for what violates it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

SHOWN = 20
"""How many violating rows a check names."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold, how many things it is about, and which of them violate it.

    `count` answers one number; `violations` the offending rows, with their tenant's number.
    """

    number: int
    name: str
    sentence: str
    count: str
    violations: str


@dataclass(frozen=True, slots=True)
class Check:
    """An invariant after it was looked at. `rows` are the first violations, at most SHOWN."""

    invariant: Invariant
    checked: int
    violations: int
    rows: tuple[Mapping[str, Any], ...]

    @property
    def holds(self) -> bool:
        return self.violations == 0


INVARIANTS = (
    Invariant(
        1,
        "zero_sum",
        "The legs of every accepted request sum to zero in each book and currency.",
        "SELECT count(*) FROM ledger.journal WHERE status = 0 AND cardinality(accounts) > 0",
        """
        SELECT j.tenant_id, j.txn, j.step, j.seq, a.book, a.currency, sum(l.amount) AS off_by
          FROM ledger.journal j
         CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
          LEFT JOIN ledger.account a ON a.tenant_id = j.tenant_id AND a.id = l.account_id
         WHERE j.status = 0
         GROUP BY j.tenant_id, j.txn, j.step, j.seq, a.book, a.currency
        HAVING sum(l.amount) <> 0 OR a.book IS NULL
        """,
    ),
    Invariant(
        1,
        "entries_of_journal",
        "Every leg of a posted request is an entry of its account, and every entry such a leg.",
        "SELECT count(*) FROM ledger.entry",
        """
        WITH leg AS (
            SELECT j.tenant_id, j.txn, j.step, j.seq, l.account_id, l.amount
              FROM ledger.journal j CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
             WHERE j.status = 0 AND j.kind IN (0, 2)),
        entry AS (SELECT tenant_id, txn, step, journal_seq, account_id, amount FROM ledger.entry)
        (SELECT 'leg without entry' AS what, m.* FROM
            (SELECT * FROM leg EXCEPT ALL SELECT * FROM entry) m)
        UNION ALL
        (SELECT 'entry without leg', m.* FROM
            (SELECT * FROM entry EXCEPT ALL SELECT * FROM leg) m)
        """,
    ),
    Invariant(
        2,
        "total",
        "All accounts of a book and currency together, pending deltas included, come to zero.",
        "SELECT count(*) FROM ledger.account",
        """
        SELECT tenant_id, book, currency, sum(posted) AS off_by FROM ledger.balance
         GROUP BY tenant_id, book, currency HAVING sum(posted) <> 0
        """,
    ),
    Invariant(
        3,
        "floor",
        "No strict account has less available than its floor allows.",
        "SELECT count(*) FROM ledger.account WHERE id > 0",
        """
        SELECT tenant_id, id AS account_id, code, posted, held, floor FROM ledger.account
         WHERE id > 0 AND posted - held < floor
        """,
    ),
    Invariant(
        4,
        "running_balance",
        "Entries of a strict account follow each other without a gap, each balance on the last.",
        "SELECT count(*) FROM ledger.entry WHERE account_id > 0",
        """
        SELECT tenant_id, account_id, seq, amount, balance, seq_before, balance_before
          FROM (SELECT tenant_id, account_id, seq, amount, balance,
                       lag(seq, 1, 0::bigint) OVER w AS seq_before,
                       lag(balance, 1, 0::bigint) OVER w AS balance_before
                  FROM ledger.entry WHERE account_id > 0
                WINDOW w AS (PARTITION BY tenant_id, account_id ORDER BY seq)) e
         WHERE seq <> seq_before + 1 OR balance IS DISTINCT FROM balance_before + amount
        """,
    ),
    Invariant(
        4,
        "posted",
        "What an account has is what its entries say.",
        "SELECT count(*) FROM ledger.account",
        """
        SELECT b.tenant_id, b.account_id, b.code, b.posted, coalesce(e.total, 0) AS of_entries,
               a.seq, coalesce(e.seq, 0) AS of_last_entry
          FROM ledger.balance b
          JOIN ledger.account a ON a.tenant_id = b.tenant_id AND a.id = b.account_id
          LEFT JOIN (SELECT tenant_id, account_id, sum(amount) AS total, max(seq) AS seq
                       FROM ledger.entry GROUP BY tenant_id, account_id) e
            ON e.tenant_id = b.tenant_id AND e.account_id = b.account_id
         WHERE b.posted <> coalesce(e.total, 0) OR (a.id > 0 AND a.seq <> coalesce(e.seq, 0))
        """,
    ),
    Invariant(
        5,
        "held",
        "What an account keeps for holds is the sum of its open holds.",
        "SELECT count(*) FROM ledger.hold",
        """
        SELECT tenant_id, account_id, coalesce(a.held, 0) AS held, coalesce(h.held, 0) AS of_holds
          FROM (SELECT tenant_id, id AS account_id, held FROM ledger.account) a
          FULL JOIN (SELECT tenant_id, account_id, sum(amount) AS held FROM ledger.hold
                      WHERE state = 0 GROUP BY tenant_id, account_id) h
         USING (tenant_id, account_id)
         WHERE coalesce(a.held, 0) <> coalesce(h.held, 0)
        """,
    ),
    Invariant(
        6,
        "one_outcome",
        "A key has one outcome: the key is unique, and nobody may change what is recorded.",
        "SELECT count(*) FROM ledger.journal",
        """
        SELECT 'recorded twice' AS what, tenant_id || ' ' || txn || ' ' || step AS name
          FROM ledger.journal GROUP BY tenant_id, txn, step HAVING count(*) > 1
        UNION ALL
        SELECT 'no unique key', 'ledger.journal'
         WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = 'ledger.journal'::regclass
                              AND i.indisprimary AND i.indisvalid
                              AND pg_get_indexdef(i.indexrelid) LIKE '%%(tenant_id, txn, step)')
        UNION ALL
        SELECT 'not append-only', c.relname FROM pg_class c
         WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'p')
           AND c.relname ~ '^(journal|entry)(_|$)'
           AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid
                              AND t.tgname = 'append_only' AND t.tgenabled IN ('O', 'A'))
        UNION ALL
        SELECT r.rolname || ' may write', c.relname
          FROM pg_class c CROSS JOIN pg_roles r
         WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'p')
           AND NOT r.rolsuper AND r.oid <> c.relowner AND r.rolname NOT LIKE 'pg\\_%%'
           AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        """,
    ),
    Invariant(
        9,
        "usage",
        "Every counter is what the journal counts, without the holds that were given back.",
        "SELECT count(*) FROM ledger.usage",
        """
        SELECT tenant_id, account_id, bucket, period, coalesce(u.amount, 0) AS amount,
               coalesce(c.amount, 0) AS of_journal, coalesce(u.n, 0) AS n,
               coalesce(c.n, 0) AS n_of_journal
          FROM ledger.usage u
          FULL JOIN (
                SELECT j.tenant_id, g.account_id, g.bucket, g.period, sum(g.amount) AS amount,
                       sum(g.n) AS n
                  FROM ledger.journal j
                 CROSS JOIN unnest(j.usage_accounts, j.usage_buckets, j.usage_periods,
                                   j.usage_amounts, j.usage_ns)
                            g (account_id, bucket, period, amount, n)
                 WHERE j.status = 0 AND NOT EXISTS (
                       SELECT FROM ledger.journal v
                        WHERE v.tenant_id = j.tenant_id AND v.txn = j.txn AND v.hold_step = j.step
                          AND v.status = 0 AND v.kind IN (3, 4))
                 GROUP BY j.tenant_id, g.account_id, g.bucket, g.period) c
         USING (tenant_id, account_id, bucket, period)
         WHERE (coalesce(u.amount, 0), coalesce(u.n, 0))
            <> (coalesce(c.amount, 0), coalesce(c.n, 0))
        """,
    ),
)


def verify(
    connection: psycopg.Connection[Any],
    more: Sequence[Invariant] = (),
    tenant: int | None = None,
) -> list[Check]:
    """Check every invariant, all on one snapshot, while the system may run on.

    The connection is in no transaction; a reader's rights are enough. Nothing is changed. `more`:
    invariants of what rests on the ledger. `tenant`: name its violations alone, and those that are
    nobody's; what is counted as checked is of all.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [_check(connection, invariant, tenant) for invariant in (*INVARIANTS, *more)]


def _check(connection: psycopg.Connection[Any], invariant: Invariant, tenant: int | None) -> Check:
    # The window function counts all violations; only the first rows travel.
    listed = f"""SELECT v.*, count(*) OVER () AS found FROM ({invariant.violations}) v
                  WHERE %(tenant)s::text IS NULL
                     OR coalesce(to_jsonb(v) ->> 'tenant_id', %(tenant)s::text) = %(tenant)s::text
                  LIMIT {SHOWN}"""  # noqa: S608 - ours
    named = None if tenant is None else str(tenant)
    with connection.cursor(row_factory=dict_row) as cursor:
        counted = cursor.execute(invariant.count.encode()).fetchone()
        rows = cursor.execute(listed.encode(), {"tenant": named}).fetchall()
    found = rows[0]["found"] if rows else 0
    shown = ({k: v for k, v in row.items() if k != "found"} for row in rows)
    return Check(invariant, counted["count"] if counted else 0, found, tuple(shown))
