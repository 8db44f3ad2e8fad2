"""Attempts at a password, a client's secret or a one-time code: counted before they are looked at.

Reserved first, so that forty guesses at the same time are evaluated as often as forty one by one.
"""

from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

TRIES = 5
LOCKED = "15 minutes"

Kind = Literal["user_account", "client"]


async def reserve(
    connection: AsyncConnection[Any], kind: Kind, tenant: int, identifier: Any
) -> bool:
    """Count one attempt in the open transaction; False where there are none left for now."""
    cursor = await connection.execute(
        SQL(
            """UPDATE identity.{kind}
                  SET failed = CASE WHEN failed + 1 >= %s THEN 0 ELSE failed + 1 END,
                      locked_until = CASE WHEN failed + 1 >= %s THEN now() + %s::interval END
                WHERE tenant_id = %s AND id = %s
                  AND (locked_until IS NULL OR locked_until < now())
                RETURNING 1"""
        ).format(kind=Identifier(kind)),
        [TRIES, TRIES, LOCKED, tenant, identifier],
    )
    return await cursor.fetchone() is not None


async def forget(
    connection: AsyncConnection[Any], kind: Kind, tenant: int, identifier: Any
) -> None:
    """An attempt was right: those before it count no more."""
    await connection.execute(
        SQL(
            """UPDATE identity.{kind} SET failed = 0, locked_until = NULL
                WHERE tenant_id = %s AND id = %s"""
        ).format(kind=Identifier(kind)),
        [tenant, identifier],
    )
