"""Agents and super-agents that traded on the day: their float, and what they earned."""

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from mmo.books.of_the_day import OF_THE_DAY, ORIGINAL
from mmo.books.reporting import Content, Report, rows_of

_WITHHELD = {
    "agent.commission": "W1", "super-agent.commission": "W2", "master-agent.commission": "W3",
}  # fmt: skip
"""Who earns → the symbol of the tax that is withheld from it."""
_SYMBOL = " ".join(f"WHEN '{role}' THEN '{symbol}'" for role, symbol in _WITHHELD.items())

_EARNED = f"""
    SELECT account_id, sum(amount) AS net,
           sum(round(tax * so_far / whole) - round(tax * (so_far - own) / whole)) AS withheld
      FROM (SELECT l.account_id, l.amount, own, tax,
                   sum(own) OVER (PARTITION BY j.txn, j.step ORDER BY l.n) AS so_far,
                   nullif(sum(own) OVER (PARTITION BY j.txn, j.step), 0) AS whole
              FROM moved j
             CROSS JOIN unnest(j.accounts, j.amounts, j.roles)
                        WITH ORDINALITY l (account_id, amount, role, n)
             CROSS JOIN LATERAL (
                   SELECT coalesce((j.prices ->> CASE l.role {_SYMBOL} END)::numeric, 0) AS own,
                          (SELECT sum(t.amount) FROM unnest(j.amounts, j.roles) t (amount, role)
                            WHERE t.role = 'TAX.WHT') AS tax) w
             WHERE 'OP.COMMISSION_POOL' = ANY (j.roles) AND l.role LIKE '%%.commission') e
     GROUP BY account_id"""  # noqa: S608 - our own names
"""Per account for commissions. The tax of a journal is shared out as its prices say, or those of
what it takes back; where only a part comes back, in one order, so that nothing is left over."""


async def _write(connection: AsyncConnection[Any], tenant: int, day: date) -> Content:
    """`gross` is what was earned, of which `withheld` is due to the tax authority."""
    query = f"""
        WITH moved AS MATERIALIZED (
            SELECT j.txn, j.step, j.code, j.accounts, j.amounts, j.roles,
                   coalesce(o.prices, j.meta -> 'prices') AS prices
              FROM books.day d
              JOIN ledger.journal j ON {OF_THE_DAY}
              {ORIGINAL}
             WHERE d.tenant_id = %(tenant)s AND d.business_date = %(day)s),
        earned AS ({_EARNED}),
        traded AS (
            SELECT l.account_id, count(*) FILTER (WHERE j.code = 'cash-in') AS cash_ins,
                   count(*) FILTER (WHERE j.code = 'cash-out') AS cash_outs
              FROM moved j CROSS JOIN unnest(j.accounts, j.roles) l (account_id, role)
             WHERE j.code IN ('cash-in', 'cash-out') AND l.role = 'agent'
             GROUP BY l.account_id),
        agent AS (
            SELECT w.id, w.kind, w.currency::text AS currency,
                   (w.accounts ->> 'wallet')::bigint AS float,
                   (w.accounts ->> 'commission')::bigint AS commission
              FROM wallets.wallet w
             WHERE w.tenant_id = %(tenant)s AND w.kind IN ('agent', 'super_agent'))
        SELECT a.id::text AS agent, a.kind, a.currency,
               coalesce(c.closing, 0) - coalesce(f.credits, 0) + coalesce(f.debits, 0) AS opening,
               coalesce(f.credits, 0) AS "in", coalesce(f.debits, 0) AS "out",
               coalesce(c.closing, 0) AS closing,
               coalesce(t.cash_ins, 0) AS cash_ins, coalesce(t.cash_outs, 0) AS cash_outs,
               (coalesce(e.net, 0) + coalesce(e.withheld, 0))::bigint AS gross,
               coalesce(e.withheld, 0)::bigint AS withheld, coalesce(e.net, 0)::bigint AS net
          FROM agent a
          LEFT JOIN books.account_day f ON f.tenant_id = %(tenant)s AND f.account_id = a.float
           AND f.business_date = %(day)s
          LEFT JOIN LATERAL (
               SELECT m.closing FROM books.account_day m
                WHERE m.tenant_id = %(tenant)s AND m.account_id = a.float
                  AND m.business_date <= %(day)s
                ORDER BY m.business_date DESC LIMIT 1) c ON true
          LEFT JOIN earned e ON e.account_id = a.commission
          LEFT JOIN traded t ON t.account_id = a.float
         WHERE f.account_id IS NOT NULL OR e.account_id IS NOT NULL
         ORDER BY a.kind, a.id"""  # noqa: S608 - our own conditions
    return {"rows": await rows_of(connection, query, tenant, day)}


REPORT = Report(
    name="agent-statement",
    title="Agents' float and commission",
    columns=(
        "agent", "kind", "currency", "opening", "in", "out", "closing", "cash_ins", "cash_outs",
        "gross", "withheld", "net",
    ),
    amounts=frozenset({"opening", "in", "out", "closing", "gross", "withheld", "net"}),
    write=_write,
)  # fmt: skip
