"""Taxes of the day: what was due, charged, given back, paid to the authority, and is due now."""

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from mmo.books.of_the_day import OF_THE_DAY, TAKING_BACK
from mmo.books.reporting import Content, Report, rows_of


async def _write(connection: AsyncConnection[Any], tenant: int, day: date) -> Content:
    """Opening and charged, less returned and remitted, is closing."""
    query = f"""
        SELECT b.code AS tax, b.currency::text AS currency, b.opening,
               coalesce(m.charged, 0) AS charged,
               coalesce(m.returned, 0) AS returned, coalesce(m.remitted, 0) AS remitted, b.closing
          FROM books.trial_balance b
          LEFT JOIN (
               SELECT a.code, a.currency::text AS currency,
                      sum(l.amount) FILTER (WHERE what = 'charged')::bigint AS charged,
                      -sum(l.amount) FILTER (WHERE what = 'returned')::bigint AS returned,
                      -sum(l.amount) FILTER (WHERE what = 'remitted')::bigint AS remitted
                 FROM books.day d
                 JOIN ledger.journal j ON {OF_THE_DAY}
                CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
                CROSS JOIN LATERAL (SELECT CASE WHEN j.code IN {TAKING_BACK} THEN 'returned'
                                                WHEN j.code = 'tax-remittance' THEN 'remitted'
                                                ELSE 'charged' END) k (what)
                 JOIN ledger.account a ON a.tenant_id = j.tenant_id AND a.id = l.account_id
                WHERE d.tenant_id = %(tenant)s AND d.business_date = %(day)s
                  AND a.code LIKE 'TAX.%%'
                GROUP BY 1, 2) m ON m.code = b.code AND m.currency = b.currency
         WHERE b.tenant_id = %(tenant)s AND b.business_date = %(day)s AND b.code LIKE 'TAX.%%'
         ORDER BY b.currency, b.code"""  # noqa: S608 - our own conditions
    return {"rows": await rows_of(connection, query, tenant, day)}


REPORT = Report(
    name="tax-return",
    title="Taxes charged and remitted",
    columns=("tax", "currency", "opening", "charged", "returned", "remitted", "closing"),
    amounts=frozenset({"opening", "charged", "returned", "remitted", "closing"}),
    write=_write,
)
