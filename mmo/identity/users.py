"""Users: staff who log in, and guests whose home is another tenant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.identity.secret import digest, new_secret

INVITATION_S = 3 * 24 * 3600
_COLUMNS = """u.id, u.username, u.name, u.state, u.attributes, u.home, u.created_by, u.created_at,
              u.version, u.epoch"""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as administrators see them."""

    id: UUID
    username: str
    name: str
    state: str
    attributes: Mapping[str, str]
    home: str | None
    created_by: str
    created_at: datetime
    version: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role of a user: pending until somebody else activates it."""

    role_id: int
    role: str
    state: str
    asked_by: str
    decided_by: str | None


async def create(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID, *, username: str, name: str,
    created_by: str, attributes: Mapping[str, str], home: str | None = None,
) -> str:  # fmt: skip
    """Create a user; answer with the one-time code by which they set a password.

    Raises psycopg.errors.UniqueViolation where the name, the home or the id is taken.
    """
    invitation = new_secret()
    await connection.execute(
        """INSERT INTO identity.user_account
           (tenant_id, id, username, name, attributes, home, state, created_by, invitation,
            invited_until)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, now() + make_interval(secs => %s))""",
        [
            tenant, identifier, username, name, Jsonb(dict(attributes)), home,
            "active" if home else "invited", created_by, digest(invitation), INVITATION_S,
        ],
    )  # fmt: skip
    return invitation


async def invite_again(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID
) -> str | None:
    """A new one-time code; it ends with the old password's use. None: no such user."""
    invitation = new_secret()
    cursor = await connection.execute(
        """UPDATE identity.user_account
              SET invitation = %s, invited_until = now() + make_interval(secs => %s)
            WHERE tenant_id = %s AND id = %s AND home IS NULL AND state <> 'closed'""",
        [digest(invitation), INVITATION_S, tenant, identifier],
    )
    return invitation if cursor.rowcount else None


async def find(connection: AsyncConnection[Any], tenant: int, identifier: UUID) -> User | None:
    """One user."""
    cursor = connection.cursor(row_factory=class_row(User))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM identity.user_account u WHERE u.tenant_id = %s AND u.id = %s",  # noqa: S608
        [tenant, identifier],
    )
    return await cursor.fetchone()


async def find_home(connection: AsyncConnection[Any], tenant: int, home: str) -> User | None:
    """The guest whose home that is."""
    cursor = connection.cursor(row_factory=class_row(User))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM identity.user_account u WHERE u.tenant_id = %s AND u.home = %s",  # noqa: S608
        [tenant, home],
    )
    return await cursor.fetchone()


async def listed(
    connection: AsyncConnection[Any], tenant: int, after: str | None, limit: int
) -> list[User]:
    """Users by name, a page at a time."""
    cursor = connection.cursor(row_factory=class_row(User))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM identity.user_account u
             WHERE u.tenant_id = %s AND u.username > %s ORDER BY u.username LIMIT %s""",  # noqa: S608
        [tenant, after or "", limit],
    )
    return await cursor.fetchall()


async def change(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID, version: int, *, name: str,
    state: str, attributes: Mapping[str, str],
) -> bool:  # fmt: skip
    """Change a user who is at that version; False where they are not. Tokens from before end."""
    cursor = await connection.execute(
        """UPDATE identity.user_account
              SET name = %s, state = %s, attributes = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s AND version = %s AND state <> 'closed'""",
        [name, state, Jsonb(dict(attributes)), tenant, identifier, version],
    )
    if cursor.rowcount:
        await connection.execute("SELECT identity.raise_epoch(%s, %s)", [tenant, identifier])
    return cursor.rowcount == 1


async def grants(connection: AsyncConnection[Any], tenant: int, user: UUID) -> list[Grant]:
    """The roles of a user, pending and revoked ones included."""
    cursor = connection.cursor(row_factory=class_row(Grant))
    await cursor.execute(
        """SELECT g.role_id, r.name AS role, g.state, g.asked_by, g.decided_by
             FROM identity.role_grant g
             JOIN identity.role r ON r.tenant_id = g.tenant_id AND r.id = g.role_id
            WHERE g.tenant_id = %s AND g.user_id = %s ORDER BY g.role_id""",
        [tenant, user],
    )
    return await cursor.fetchall()


async def active_roles(connection: AsyncConnection[Any], tenant: int, user: UUID) -> list[str]:
    """The names of the roles that count."""
    return [one.role for one in await grants(connection, tenant, user) if one.state == "active"]


async def ask_grant(
    connection: AsyncConnection[Any], tenant: int, user: UUID, role: int, asked_by: str
) -> bool:
    """Ask for a role; False where it is active already. Somebody else activates it."""
    cursor = await connection.execute(
        """INSERT INTO identity.role_grant AS g (tenant_id, user_id, role_id, asked_by)
           VALUES (%s, %s, %s, %s)
           ON CONFLICT (tenant_id, user_id, role_id) DO UPDATE
              SET state = 'pending', asked_by = excluded.asked_by, asked_at = now(),
                  decided_by = NULL, decided_at = NULL
            WHERE g.state <> 'active'""",
        [tenant, user, role, asked_by],
    )
    return cursor.rowcount == 1


async def activate_grant(
    connection: AsyncConnection[Any], tenant: int, user: UUID, role: int, decided_by: str
) -> bool:
    """Activate a pending role; False where none is pending, or its asker is who decides."""
    cursor = await connection.execute(
        """UPDATE identity.role_grant SET state = 'active', decided_by = %s, decided_at = now()
            WHERE tenant_id = %s AND user_id = %s AND role_id = %s AND state = 'pending'
              AND asked_by <> %s""",
        [decided_by, tenant, user, role, decided_by],
    )
    return cursor.rowcount == 1


async def revoke_grant(
    connection: AsyncConnection[Any], tenant: int, user: UUID, role: int, decided_by: str
) -> bool:
    """Take a role away. It binds at the next request: the token's word for it counts no more."""
    cursor = await connection.execute(
        """UPDATE identity.role_grant SET state = 'revoked', decided_by = %s, decided_at = now()
            WHERE tenant_id = %s AND user_id = %s AND role_id = %s AND state <> 'revoked'""",
        [decided_by, tenant, user, role],
    )
    return cursor.rowcount == 1
