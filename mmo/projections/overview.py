"""What a super-tenant reads over all tenants: movements, balances and counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from mmo.projections.movements import MovementView

_COLUMNS = """tenant_id, id, type, state, amount_minor, currency, parties, prices, actor,
              requested_at, posted_at, journal, refusal, detail, position"""


async def movements(
    connection: AsyncConnection[Any],
    tenants: Sequence[int],
    *,
    state: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    before: UUID | None,
    limit: int,
) -> list[MovementView]:
    """Movements of these tenants, the newest first; of each tenant's by its own index."""
    cursor = connection.cursor(row_factory=class_row(MovementView))
    await cursor.execute(
        f"""SELECT m.* FROM unnest(%(tenants)s::int[]) AS t (id)
             CROSS JOIN LATERAL (
                   SELECT {_COLUMNS} FROM projections.movement_view v
                    WHERE v.tenant_id = t.id
                      AND (%(before)s::uuid IS NULL OR v.id < %(before)s)
                      AND (%(state)s::text IS NULL OR v.state = %(state)s)
                      AND (%(kind)s::text IS NULL OR v.type = %(kind)s)
                      AND (%(since)s::timestamptz IS NULL OR v.requested_at >= %(since)s)
                      AND (%(until)s::timestamptz IS NULL OR v.requested_at < %(until)s)
                    ORDER BY v.id DESC LIMIT %(limit)s) m
             ORDER BY m.id DESC LIMIT %(limit)s""",  # noqa: S608 - our own column list
        {
            "tenants": list(tenants), "before": before, "state": state, "kind": kind,
            "since": since, "until": until, "limit": limit,
        },
    )  # fmt: skip
    return await cursor.fetchall()


async def balances(
    connection: AsyncConnection[Any], tenants: Sequence[int]
) -> list[dict[str, Any]]:
    """Sums of the books, by tenant, currency and kind of account; minor units, credit-positive."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        """SELECT tenant_id, currency, code, count(*) AS accounts, sum(posted)::bigint AS posted,
                  sum(held)::bigint AS held
             FROM ledger.balance WHERE tenant_id = ANY (%s)
            GROUP BY tenant_id, currency, code ORDER BY tenant_id, currency, code""",
        [list(tenants)],
    )
    return await cursor.fetchall()


async def counts(connection: AsyncConnection[Any], tenants: Sequence[int]) -> list[dict[str, Any]]:
    """How many wallets and movements there are, by tenant, kind and state."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        """SELECT tenant_id, 'wallet' AS what, kind, state, count(*) AS many
             FROM wallets.wallet WHERE tenant_id = ANY (%(tenants)s)
            GROUP BY tenant_id, kind, state
            UNION ALL
           SELECT tenant_id, 'movement', type, state, count(*)
             FROM projections.movement_view WHERE tenant_id = ANY (%(tenants)s)
            GROUP BY tenant_id, type, state
            ORDER BY 1, 2, 3, 4""",
        {"tenants": list(tenants)},
    )
    return await cursor.fetchall()
