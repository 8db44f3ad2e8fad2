"""Fees of the day by type of movement, and what of them was given back with a movement."""

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from mmo.books.of_the_day import OF_THE_DAY, ORIGINAL
from mmo.books.reporting import Content, Report, rows_of


async def _write(connection: AsyncConnection[Any], tenant: int, day: date) -> Content:
    """What is given back counts for the type that had charged it; a sweep of fees is none."""
    query = f"""
        SELECT movement, currency, charged, returned, charged - returned AS net
          FROM (SELECT coalesce(o.code, j.code) AS movement, a.currency::text AS currency,
                       coalesce(sum(l.amount) FILTER (WHERE o.code IS NULL), 0)::bigint AS charged,
                       coalesce(-sum(l.amount) FILTER (WHERE o.code IS NOT NULL), 0)::bigint
                       AS returned
                  FROM books.day d
                  JOIN ledger.journal j ON {OF_THE_DAY}
                 CROSS JOIN unnest(j.accounts, j.amounts) l (account_id, amount)
                  JOIN ledger.account a ON a.tenant_id = j.tenant_id AND a.id = l.account_id
                  {ORIGINAL}
                 WHERE d.tenant_id = %(tenant)s AND d.business_date = %(day)s
                   AND a.code = 'OP.FEES' AND (l.amount > 0 OR o.code IS NOT NULL)
                 GROUP BY 1, 2) f
         ORDER BY currency, movement"""  # noqa: S608 - our own conditions
    return {"rows": await rows_of(connection, query, tenant, day)}


REPORT = Report(
    name="fee-return",
    title="Fees by type of movement",
    columns=("movement", "currency", "charged", "returned", "net"),
    amounts=frozenset({"charged", "returned", "net"}),
    write=_write,
)
