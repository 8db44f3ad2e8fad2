"""Clients: programs that ask for tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.identity.secret import digest, new_secret

CODE, REFRESH, CLIENT, EXCHANGE, PIN = (
    "authorization_code", "refresh_token", "client_credentials",
    "urn:ietf:params:oauth:grant-type:token-exchange", "urn:mmo:params:oauth:grant-type:pin",
)  # fmt: skip
GRANTS = (CODE, REFRESH, CLIENT, EXCHANGE, PIN)
_COLUMNS = """id, name, kind, state, grants, scopes, redirect_uris, trusted_channel, attributes,
              jwks, created_by, created_at, version"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client, without what proves it."""

    id: str
    name: str
    kind: str
    state: str
    grants: list[str]
    scopes: list[str]
    redirect_uris: list[str]
    trusted_channel: bool
    attributes: Mapping[str, str]
    jwks: Mapping[str, Any] | None
    created_by: str
    created_at: datetime
    version: int


async def create(
    connection: AsyncConnection[Any], tenant: int, identifier: str, *, name: str, kind: str,
    grants: Iterable[str], scopes: Iterable[str], created_by: str,
    redirect_uris: Iterable[str] = (), trusted_channel: bool = False,
    attributes: Mapping[str, str] | None = None, jwks: Mapping[str, Any] | None = None,
    secret: str | None = None, roles: Iterable[str] = (),
) -> str | None:  # fmt: skip
    """Create a client; answer with its secret, which is never shown again.

    None: a public client, or one that proves itself by its own key. `roles`: those that it holds
    as itself, a program of the back office; only the operator's own command may give them. Raises
    psycopg.errors.UniqueViolation where the id is taken.
    """
    proved_by_secret = kind == "confidential" and jwks is None
    secret = (secret or new_secret()) if proved_by_secret else None
    await connection.execute(
        """INSERT INTO identity.client
           (tenant_id, id, name, kind, grants, scopes, redirect_uris, trusted_channel, attributes,
            jwks, created_by, secret)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant, identifier, name, kind, sorted(grants), sorted(scopes), list(redirect_uris),
            trusted_channel, Jsonb(dict(attributes or {})), Jsonb(dict(jwks)) if jwks else None,
            created_by, digest(secret) if secret else None,
        ],
    )  # fmt: skip
    if held := sorted(roles):
        await connection.execute(
            "UPDATE identity.client SET roles = %s WHERE tenant_id = %s AND id = %s",
            [held, tenant, identifier],
        )
    return secret


async def find(connection: AsyncConnection[Any], tenant: int, identifier: str) -> Client | None:
    """One client."""
    cursor = connection.cursor(row_factory=class_row(Client))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM identity.client WHERE tenant_id = %s AND id = %s",  # noqa: S608
        [tenant, identifier],
    )
    return await cursor.fetchone()


async def listed(
    connection: AsyncConnection[Any], tenant: int, after: str | None, limit: int
) -> list[Client]:
    """Clients by id, a page at a time."""
    cursor = connection.cursor(row_factory=class_row(Client))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM identity.client
             WHERE tenant_id = %s AND id > %s ORDER BY id LIMIT %s""",  # noqa: S608
        [tenant, after or "", limit],
    )
    return await cursor.fetchall()


async def change(
    connection: AsyncConnection[Any], tenant: int, identifier: str, version: int, *, state: str,
    scopes: Iterable[str],
) -> bool:  # fmt: skip
    """Change a client that is at that version; False where it is not."""
    cursor = await connection.execute(
        """UPDATE identity.client SET state = %s, scopes = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s AND version = %s AND state <> 'closed'""",
        [state, sorted(scopes), tenant, identifier, version],
    )
    return cursor.rowcount == 1


async def renew_secret(
    connection: AsyncConnection[Any], tenant: int, identifier: str
) -> str | None:
    """A new secret, shown once; the old one counts no more. None: it has none."""
    secret = new_secret()
    cursor = await connection.execute(
        """UPDATE identity.client SET secret = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s AND kind = 'confidential' AND jwks IS NULL""",
        [digest(secret), tenant, identifier],
    )
    return secret if cursor.rowcount else None


async def secret_of(
    connection: AsyncConnection[Any], tenant: int, identifier: str
) -> tuple[bytes | None, bool]:
    """What is kept of a client's secret, and whether it is locked. For the authorization server."""
    cursor = await connection.execute(
        """SELECT secret, coalesce(locked_until > now(), false)
             FROM identity.client WHERE tenant_id = %s AND id = %s""",
        [tenant, identifier],
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (None, False)


async def use_assertion(
    connection: AsyncConnection[Any], tenant: int, client: str, jti: str, expires: int
) -> bool:
    """Remember an assertion's id until it expires; False where it came before."""
    await connection.execute(
        "DELETE FROM identity.used_assertion WHERE tenant_id = %s AND expires_at < now()", [tenant]
    )
    cursor = await connection.execute(
        """INSERT INTO identity.used_assertion (tenant_id, client_id, jti, expires_at)
           VALUES (%s, %s, %s, to_timestamp(%s)) ON CONFLICT DO NOTHING""",
        [tenant, client, jti, expires],
    )
    return cursor.rowcount == 1
