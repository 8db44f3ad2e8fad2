"""PINs and their resets in Postgres, each within the transaction of whoever writes them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.identity.secret import digest, new_secret

RESET_S = 15 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of a PIN. `key_n`: the number of the key that made the MAC."""

    salt: bytes
    mac: bytes
    key_n: int


async def first(connection: AsyncConnection[Any], tenant: int, wallet: UUID, made: Kept) -> bool:
    """Write the first PIN; False where there is one."""
    cursor = await connection.execute(
        """INSERT INTO identity.pin (tenant_id, wallet_id, salt, mac, key_n)
           VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [tenant, wallet, made.salt, made.mac, made.key_n],
    )
    return cursor.rowcount == 1


async def store(connection: AsyncConnection[Any], tenant: int, wallet: UUID, made: Kept) -> bool:
    """Write the new PIN; the one before goes to the earlier ones. True."""
    await connection.execute(
        """INSERT INTO identity.pin AS p (tenant_id, wallet_id, salt, mac, key_n)
           VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (tenant_id, wallet_id) DO UPDATE
              SET salt = excluded.salt, mac = excluded.mac, key_n = excluded.key_n,
                  earlier = jsonb_path_query_array(
                      jsonb_build_array(jsonb_build_array(
                          encode(p.salt, 'hex'), encode(p.mac, 'hex'), p.key_n)) || p.earlier,
                      '$[0 to 2]'),
                  failed = 0, stage = 0, locked_until = NULL, changed_at = now()""",
        [tenant, wallet, made.salt, made.mac, made.key_n],
    )
    return True


async def by_code(
    connection: AsyncConnection[Any], tenant: int, wallet: UUID, code: str, made: Kept
) -> bool:
    """Write the new PIN by the code of an approved reset, which is used up; False: not good."""
    cursor = await connection.execute(
        """UPDATE identity.pin_reset SET used_at = now()
            WHERE tenant_id = %s AND wallet_id = %s AND code = %s AND used_at IS NULL
              AND expires_at > now()""",
        [tenant, wallet, digest(code)],
    )
    return cursor.rowcount == 1 and await store(connection, tenant, wallet, made)


async def ask_reset(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID, wallet: UUID, asked_by: str
) -> None:
    """Ask that a wallet may have a new PIN; somebody else decides."""
    await connection.execute(
        """INSERT INTO identity.pin_reset (tenant_id, id, wallet_id, asked_by)
           VALUES (%s, %s, %s, %s)""",
        [tenant, identifier, wallet, asked_by],
    )


async def wallet_of(connection: AsyncConnection[Any], tenant: int, reset: UUID) -> UUID | None:
    """Whose reset it is."""
    cursor = await connection.execute(
        "SELECT wallet_id FROM identity.pin_reset WHERE tenant_id = %s AND id = %s", [tenant, reset]
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def approve_reset(
    connection: AsyncConnection[Any], tenant: int, reset: UUID, decided_by: str
) -> str | None:
    """Approve a reset: a code, shown once, that sets a new PIN. None: not to be approved."""
    code = new_secret()
    cursor = await connection.execute(
        """UPDATE identity.pin_reset
              SET decided_by = %s, code = %s, expires_at = now() + make_interval(secs => %s)
            WHERE tenant_id = %s AND id = %s AND decided_by IS NULL AND asked_by <> %s""",
        [decided_by, digest(code), RESET_S, tenant, reset, decided_by],
    )
    return code if cursor.rowcount == 1 else None
