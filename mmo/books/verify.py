"""Invariants of what rests on the ledger: movements and reversals, closed days and mirrors."""

from mmo.books.deriving import MIRRORS
from mmo.books.postgres import HASH
from mmo.ledger.verify import Invariant

_SPAN = """j.tenant_id = d.tenant_id AND j.business_date <= d.business_date
       AND j.business_date > coalesce((SELECT max(p.business_date) FROM books.day p
                                        WHERE p.tenant_id = d.tenant_id
                                          AND p.business_date < d.business_date), '-infinity')
       AND j.status = 0 AND j.kind IN (0, 2)"""
"""All journals of a day, whenever they came: what was dated into it later, too."""
_MIRRORS = ", ".join(f"('{one.pool}', '{one.own}')" for one in MIRRORS)

INVARIANTS = (
    Invariant(
        13,
        "returned",
        "Of each movement comes back at most what it moved, account by account, the other way.",
        "SELECT count(*) FROM movements.reversal",
        "SELECT * FROM movements.reversal_excess",
    ),
    Invariant(
        14,
        "accepted",
        "Every journal of a movement has an accepted command of its type, amount and wallets.",
        "SELECT count(*) FROM ledger.journal WHERE status = 0 AND step <> 0",
        "SELECT * FROM movements.journal_without_command",
    ),
    Invariant(
        7,
        "clearing",
        "An account that belongs to one movement is empty once the movement waits no more.",
        "SELECT count(*) FROM ledger.account WHERE instance_txn IS NOT NULL",
        "SELECT * FROM movements.stranded_account",
    ),
    Invariant(
        10,
        "closed_days",
        "A closed day is what the journal says of it: nothing was dated into it afterwards.",
        "SELECT count(*) FROM books.account_day",
        f"""
        WITH closed AS (SELECT * FROM books.day WHERE state = 'closed'),
        told AS (
            SELECT a.tenant_id, a.business_date, a.account_id, a.debits, a.credits
              FROM books.account_day a JOIN closed USING (tenant_id, business_date)),
        recorded AS (
            SELECT d.tenant_id, d.business_date, l.account_id,
                   -coalesce(sum(least(l.amount, 0)), 0)::bigint AS debits,
                   coalesce(sum(greatest(l.amount, 0)), 0)::bigint AS credits
              FROM closed d
              JOIN ledger.journal j ON {_SPAN}
             CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
             GROUP BY d.tenant_id, d.business_date, l.account_id)
        (SELECT 'told, not recorded' AS what, m.* FROM
            (SELECT * FROM told EXCEPT SELECT * FROM recorded) m)
        UNION ALL
        (SELECT 'recorded, not told', m.* FROM
            (SELECT * FROM recorded EXCEPT SELECT * FROM told) m)
        """,  # noqa: S608 - our own condition
    ),
    Invariant(
        9,
        "day_hashes",
        "The hash of each closed day comes out again, on the hash of the day before.",
        "SELECT count(*) FROM books.day WHERE state = 'closed'",
        f"""
        SELECT d.tenant_id, d.business_date, encode(d.hash, 'hex') AS hash
          FROM books.day d
         CROSS JOIN LATERAL (SELECT (SELECT p.hash FROM books.day p
                              WHERE p.tenant_id = d.tenant_id AND p.business_date < d.business_date
                              ORDER BY p.business_date DESC LIMIT 1) AS hash) p
         WHERE d.state = 'closed'
           AND (d.hash IS DISTINCT FROM {HASH} OR d.previous IS DISTINCT FROM p.hash)
        """,  # noqa: S608 - our own expression
    ),
    Invariant(
        2,
        "trial_balances",
        "Each trial balance cancels out, book by book, and opens as the one before closed.",
        "SELECT count(*) FROM books.trial_balance",
        """
        SELECT tenant_id, business_date, book, currency, sum(closing) AS off_by,
               sum(debits) - sum(credits) AS unequal
          FROM books.trial_balance
         GROUP BY tenant_id, business_date, book, currency
        HAVING sum(closing) <> 0 OR sum(debits) <> sum(credits)
            OR bool_or(closing <> opening + credits - debits)
        """,
    ),
    Invariant(
        12,
        "mirrors",
        "At the end of each day the operator's own books mirror its pools of e-money.",
        "SELECT count(*) FROM books.day WHERE state = 'closed'",
        f"""
        SELECT e.tenant_id, e.business_date, e.currency, e.code, e.closing, m.own,
               coalesce(c.closing, 0) AS of_mirror
          FROM books.trial_balance e
          JOIN (VALUES {_MIRRORS}) m (pool, own) ON m.pool = e.code
          JOIN books.day d ON d.tenant_id = e.tenant_id AND d.business_date = e.business_date
           AND d.state = 'closed'
          LEFT JOIN books.trial_balance c
            ON c.tenant_id = e.tenant_id AND c.business_date = e.business_date
           AND c.currency = e.currency AND c.code = m.own AND c.book = 'C'
         WHERE e.book = 'E' AND e.closing <> -coalesce(c.closing, 0)
        """,  # noqa: S608 - our own names
    ),
)
