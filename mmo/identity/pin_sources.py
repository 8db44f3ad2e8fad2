"""Where PINs are tried from: one hand that tries many wallets is stopped, and heard of."""

from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from psycopg import AsyncConnection

SPRAY_WALLETS = {"device": 10, "subject": 10, "ip": 200}
"""So many wallets with a failed PIN from one source in an hour: it is blocked for an hour.

A gateway serves many honest customers from one address, so that its budget is larger.
"""
SPRAY_WINDOW, SPRAY_BLOCK = "1 hour", "1 hour"

_SPRAYS = Counter("mmo_pin_sprays_total", "Sources blocked for trying PINs over many wallets.")
_log = structlog.get_logger()


async def note(connection: AsyncConnection[Any], tenant: int, source: str, wallet: UUID) -> bool:
    """Note a wallet that a source tries; whether the source is blocked now."""
    cursor = await connection.execute(
        """INSERT INTO identity.pin_source AS s (tenant_id, source, wallets)
           VALUES (%(tenant)s, %(source)s, ARRAY[%(wallet)s::uuid])
           ON CONFLICT (tenant_id, source) DO UPDATE SET
               began_at = CASE WHEN s.began_at < now() - %(window)s::interval THEN now()
                               ELSE s.began_at END,
               wallets = CASE WHEN s.began_at < now() - %(window)s::interval
                              THEN ARRAY[%(wallet)s::uuid]
                              WHEN %(wallet)s::uuid = ANY (s.wallets)
                                OR cardinality(s.wallets) > %(most)s THEN s.wallets
                              ELSE s.wallets || %(wallet)s::uuid END
           RETURNING cardinality(wallets) > %(most)s, coalesce(blocked_until > now(), false)""",
        {
            "tenant": tenant, "source": source, "wallet": wallet, "window": SPRAY_WINDOW,
            "most": SPRAY_WALLETS[source.partition("/")[0]],
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    too_many, blocked = row
    if too_many and not blocked:
        await connection.execute(
            """UPDATE identity.pin_source SET blocked_until = now() + %s::interval
                WHERE tenant_id = %s AND source = %s""",
            [SPRAY_BLOCK, tenant, source],
        )
        _SPRAYS.inc()
        _log.error("pin.spray", tenant=tenant, source=source)
    return too_many or blocked


async def clear(connection: AsyncConnection[Any], tenant: int, source: str, wallet: UUID) -> None:
    """The PIN was right: the wallet does not count against the source."""
    await connection.execute(
        """UPDATE identity.pin_source SET wallets = array_remove(wallets, %s)
            WHERE tenant_id = %s AND source = %s""",
        [wallet, tenant, source],
    )
