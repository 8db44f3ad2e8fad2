"""Money that waits: accounts of single movements that are not empty, by how long they have been."""

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from mmo.books.reporting import Content, Report, rows_of


async def _write(connection: AsyncConnection[Any], tenant: int, day: date) -> Content:
    """The oldest first. The age counts from the day on which the account first held something."""
    query = """
        SELECT a.code, a.instance_txn::text AS movement, a.currency::text AS currency,
               l.closing AS amount, %(day)s - f.since AS age_days,
               CASE WHEN %(day)s - f.since <= 1 THEN '0-1' WHEN %(day)s - f.since <= 7 THEN '2-7'
                    WHEN %(day)s - f.since <= 30 THEN '8-30'
                    WHEN %(day)s - f.since <= 90 THEN '31-90' ELSE 'over 90' END AS bucket
          FROM ledger.account a
         CROSS JOIN LATERAL (
               SELECT m.closing FROM books.account_day m
                WHERE m.tenant_id = a.tenant_id AND m.account_id = a.id
                  AND m.business_date <= %(day)s
                ORDER BY m.business_date DESC LIMIT 1) l
         CROSS JOIN LATERAL (
               SELECT min(m.business_date) AS since FROM books.account_day m
                WHERE m.tenant_id = a.tenant_id AND m.account_id = a.id) f
         WHERE a.tenant_id = %(tenant)s AND a.instance_txn IS NOT NULL AND l.closing <> 0
         ORDER BY f.since, a.code, a.instance_txn"""
    return {"rows": await rows_of(connection, query, tenant, day)}


REPORT = Report(
    name="suspense-ageing",
    title="Suspense by age",
    columns=("code", "movement", "currency", "amount", "age_days", "bucket"),
    amounts=frozenset({"amount"}),
    write=_write,
)
