"""Refresh tokens: each log-in is a family, each use brings one successor, and reuse ends it.

The family's row is locked first. For ten seconds the token before the newest may be shown again,
for an answer that got lost, as long as nobody has used its successor: that one is replaced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from mmo.identity.secret import digest, new_secret
from mmo.kernel.identifiers import mint

OVERLAP_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One log-in of a subject at a client, and what its access tokens repeat."""

    id: UUID
    subject: str
    client_id: str
    scope: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rotated:
    """The family, and its only live refresh token."""

    family: Family
    refresh_token: str


@dataclass(frozen=True, slots=True)
class NotRotated:
    """Why there is no successor. `reused`: the family was ended because of it."""

    reason: str
    reused: bool = False


async def begin(
    connection: AsyncConnection[Any],
    tenant: int,
    *,
    subject: str,
    client_id: str,
    scope: str,
    claims: Mapping[str, Any],
    idle_s: int,
    life_s: int,
) -> Rotated:
    """Begin a family in the open transaction. `idle_s`: how long a token may lie unused."""
    family = Family(id=mint(), subject=subject, client_id=client_id, scope=scope, claims=claims)
    await connection.execute(
        """INSERT INTO identity.token_family
           (tenant_id, id, subject, client_id, scope, claims, idle_s, ends_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, now() + make_interval(secs => %s))""",
        [tenant, family.id, subject, client_id, scope, Jsonb(dict(claims)), idle_s, life_s],
    )
    return Rotated(family, await _issue(connection, tenant, family.id, None))


async def rotate(
    connection: AsyncConnection[Any], tenant: int, token: str, client_id: str
) -> Rotated | NotRotated:
    """Use a refresh token in the open transaction, which must be committed whatever comes of it."""
    cursor = await connection.execute(
        """SELECT f.id, f.subject, f.client_id, f.scope, f.claims, f.revoked_at IS NOT NULL,
                  f.ends_at < now(), f.idle_s
             FROM identity.refresh_token t
             JOIN identity.token_family f ON f.tenant_id = t.tenant_id AND f.id = t.family_id
            WHERE t.tenant_id = %s AND t.hash = %s FOR UPDATE OF f""",
        [tenant, digest(token)],
    )
    row = await cursor.fetchone()
    if row is None:
        return NotRotated("unknown")
    family = Family(id=row[0], subject=row[1], client_id=row[2], scope=row[3], claims=row[4])
    if family.client_id != client_id:
        return NotRotated("of another client")
    if row[5] or row[6]:
        return NotRotated("ended" if row[5] else "older than it may become")
    return await _rotated(connection, tenant, family, token, row[7])


async def _rotated(
    connection: AsyncConnection[Any], tenant: int, family: Family, token: str, idle_s: int
) -> Rotated | NotRotated:
    """The family is locked: what is read here is the newest."""
    cursor = await connection.execute(
        """SELECT t.used_at IS NOT NULL,
                  t.used_at > now() - make_interval(secs => %s),
                  t.issued_at < now() - make_interval(secs => %s),
                  EXISTS (SELECT FROM identity.refresh_token s
                           WHERE s.tenant_id = t.tenant_id AND s.parent = t.hash
                             AND s.used_at IS NOT NULL)
             FROM identity.refresh_token t WHERE t.tenant_id = %s AND t.hash = %s""",
        [OVERLAP_S, idle_s, tenant, digest(token)],
    )
    row = await cursor.fetchone()
    if row is None:
        return NotRotated("replaced")  # a twin of the request that got there first
    used, lately, idle, moved_on = row
    if used and (moved_on or not lately):
        await end(connection, tenant, family.id, "a refresh token was used again")
        return NotRotated("used again", reused=True)
    if idle and not used:
        return NotRotated("unused for too long")
    if used:
        await connection.execute(
            "DELETE FROM identity.refresh_token WHERE tenant_id = %s AND parent = %s",
            [tenant, digest(token)],
        )
    else:
        await connection.execute(
            "UPDATE identity.refresh_token SET used_at = now() WHERE tenant_id = %s AND hash = %s",
            [tenant, digest(token)],
        )
    return Rotated(family, await _issue(connection, tenant, family.id, digest(token)))


async def end(connection: AsyncConnection[Any], tenant: int, family: UUID, reason: str) -> None:
    """End a family: none of its refresh tokens counts again. Safe to repeat."""
    await connection.execute(
        """UPDATE identity.token_family SET revoked_at = now(), reason = %s
            WHERE tenant_id = %s AND id = %s AND revoked_at IS NULL""",
        [reason, tenant, family],
    )


async def end_all(connection: AsyncConnection[Any], tenant: int, subject: str, reason: str) -> None:
    """End every family of a subject."""
    await connection.execute(
        """UPDATE identity.token_family SET revoked_at = now(), reason = %s
            WHERE tenant_id = %s AND subject = %s AND revoked_at IS NULL""",
        [reason, tenant, subject],
    )


async def family_of(
    connection: AsyncConnection[Any], tenant: int, token: str
) -> tuple[UUID, str, bool] | None:
    """Whose token it is: family, client, and whether the family lives."""
    cursor = await connection.execute(
        """SELECT f.id, f.client_id,
                  f.revoked_at IS NULL AND f.ends_at > now() AND t.used_at IS NULL
             FROM identity.refresh_token t
             JOIN identity.token_family f ON f.tenant_id = t.tenant_id AND f.id = t.family_id
            WHERE t.tenant_id = %s AND t.hash = %s""",
        [tenant, digest(token)],
    )
    return await cursor.fetchone()


async def _issue(
    connection: AsyncConnection[Any], tenant: int, family: UUID, parent: bytes | None
) -> str:
    token = new_secret()
    await connection.execute(
        """INSERT INTO identity.refresh_token (tenant_id, hash, family_id, parent)
           VALUES (%s, %s, %s, %s)""",
        [tenant, digest(token), family, parent],
    )
    return token
