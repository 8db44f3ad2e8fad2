"""How many movements of each type the day decided, and what became of them."""

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from mmo.books.of_the_day import DATED
from mmo.books.reporting import Content, Report, rows_of


async def _write(connection: AsyncConnection[Any], tenant: int, day: date) -> Content:
    """`outcome` is posted, or the code of the refusal; `value` what was asked for.

    A movement counts once: with the step that its rules were asked about, whose record alone has
    the amount. One that was refused before it came to that has neither currency nor value.
    """
    query = f"""
        SELECT j.code AS movement, m.amount ->> 'currency' AS currency, o.outcome,
               count(*) AS movements, sum((m.amount ->> 'minor')::bigint)::bigint AS value
          FROM books.day d
          JOIN ledger.journal j ON {DATED}
         CROSS JOIN LATERAL (SELECT j.meta -> 'amount') m (amount)
         CROSS JOIN LATERAL (
               SELECT CASE WHEN j.status = 1 THEN j.refusal WHEN j.kind IN (0, 2) THEN 'posted'
                           WHEN j.kind IN (3, 4) THEN j.meta ->> 'because' END) o (outcome)
         WHERE d.tenant_id = %(tenant)s AND d.business_date = %(day)s AND o.outcome IS NOT NULL
           AND (m.amount IS NOT NULL OR j.status = 1 AND j.step = 1)
         GROUP BY 1, 2, 3
         ORDER BY 1, 2, o.outcome <> 'posted', 3"""  # noqa: S608 - our own condition
    return {"rows": await rows_of(connection, query, tenant, day)}


REPORT = Report(
    name="movement-counts",
    title="Movements by type and outcome",
    columns=("movement", "currency", "outcome", "movements", "value"),
    amounts=frozenset({"value"}),
    write=_write,
)
