"""Who takes a voucher: the wallet of its number, or the agent who paid it out."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def recipient(connection: AsyncConnection[Any], tenant: int, movement: UUID) -> str | None:
    """The customer's wallet that was opened for a voucher's number, if it takes money."""
    cursor = await connection.execute(
        """SELECT w.id::text FROM vouchers.voucher v
             JOIN wallets.wallet w ON w.tenant_id = v.tenant_id AND w.alias = v.recipient
            WHERE v.tenant_id = %s AND v.movement_id = %s AND w.kind = 'customer'
              AND w.state = 'active' AND w.currency = v.currency""",
        [tenant, movement],
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def paid_at(connection: AsyncConnection[Any], tenant: int, movement: UUID) -> str | None:
    """The wallet of the agent who paid a voucher out."""
    cursor = await connection.execute(
        """SELECT meta -> 'wallets' -> 'agent' ->> 'id' FROM ledger.journal
            WHERE tenant_id = %s AND txn = %s AND refusal IS NULL
              AND meta ->> 'event' = 'voucher-redeemed'""",
        [tenant, movement],
    )
    row = await cursor.fetchone()
    return row[0] if row else None
