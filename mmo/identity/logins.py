"""Log-ins of staff: password and one-time code, the session of the log-in page, and codes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.identity.secret import digest, new_secret

SESSION_S, IDLE = 12 * 3600, "30 minutes"
CODE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What proves a user. Never leaves the authorization server."""

    id: UUID
    username: str
    state: str
    password: str | None
    totp: str | None
    totp_step: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is logged in at the authorization server."""

    user_id: UUID
    amr: list[str]
    auth_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code, as it was given out."""

    client_id: str
    user_id: UUID
    redirect_uri: str
    challenge: str
    scope: str
    nonce: str | None
    amr: list[str]
    auth_time: int
    used: bool
    late: bool
    family_id: UUID | None


_LOGIN = """SELECT id, username, state, password, totp, totp_step, epoch
              FROM identity.user_account WHERE tenant_id = %s AND """


async def login_of(connection: AsyncConnection[Any], tenant: int, username: str) -> Login | None:
    """The user of that name."""
    cursor = connection.cursor(row_factory=class_row(Login))
    await cursor.execute(_LOGIN + "username = %s AND home IS NULL", [tenant, username])
    return await cursor.fetchone()


async def invited(connection: AsyncConnection[Any], tenant: int, invitation: str) -> Login | None:
    """The user whose one-time code it is; the row stays locked."""
    cursor = connection.cursor(row_factory=class_row(Login))
    await cursor.execute(
        _LOGIN + "invitation = %s AND invited_until > now() AND state <> 'closed' FOR UPDATE",
        [tenant, digest(invitation)],
    )
    return await cursor.fetchone()


async def enrol(
    connection: AsyncConnection[Any], tenant: int, user: UUID, password: str, totp: str
) -> None:
    """Set what proves a user, and use the invitation up."""
    await connection.execute(
        """UPDATE identity.user_account
              SET password = %s, totp = %s, totp_step = 0, state = 'active', failed = 0,
                  locked_until = NULL, invitation = NULL, invited_until = NULL
            WHERE tenant_id = %s AND id = %s""",
        [password, totp, tenant, user],
    )


async def use_step(connection: AsyncConnection[Any], tenant: int, user: UUID, step: int) -> bool:
    """Use a one-time code's time step; False where it, or a later one, was used before."""
    cursor = await connection.execute(
        """UPDATE identity.user_account SET totp_step = %s
            WHERE tenant_id = %s AND id = %s AND totp_step < %s""",
        [step, tenant, user, step],
    )
    return cursor.rowcount == 1


async def begin_session(
    connection: AsyncConnection[Any], tenant: int, user: UUID, amr: list[str]
) -> str:
    """Begin a session; answer with the secret of its cookie."""
    secret = new_secret()
    await connection.execute(
        """INSERT INTO identity.session (tenant_id, hash, user_id, amr, ends_at)
           VALUES (%s, %s, %s, %s, now() + make_interval(secs => %s))""",
        [tenant, digest(secret), user, amr, SESSION_S],
    )
    return secret


async def session_of(connection: AsyncConnection[Any], tenant: int, secret: str) -> Session | None:
    """Who is logged in with that cookie; it is kept alive by being asked for."""
    cursor = connection.cursor(row_factory=class_row(Session))
    await cursor.execute(
        """UPDATE identity.session s SET seen_at = now()
             FROM identity.user_account u
            WHERE s.tenant_id = %s AND s.hash = %s AND s.ends_at > now()
              AND s.seen_at > now() - %s::interval
              AND u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.state = 'active'
            RETURNING s.user_id, s.amr, extract(epoch FROM s.began_at)::bigint AS auth_time""",
        [tenant, digest(secret), IDLE],
    )
    return await cursor.fetchone()


async def end_session(connection: AsyncConnection[Any], tenant: int, secret: str) -> None:
    """End a session. Safe to repeat."""
    await connection.execute(
        "DELETE FROM identity.session WHERE tenant_id = %s AND hash = %s", [tenant, digest(secret)]
    )


async def give_code(
    connection: AsyncConnection[Any], tenant: int, session: Session, *, client_id: str,
    redirect_uri: str, challenge: str, scope: str, nonce: str | None,
) -> str:  # fmt: skip
    """Give an authorization code for one minute."""
    code = new_secret()
    await connection.execute(
        """INSERT INTO identity.authorization_code
           (tenant_id, hash, client_id, user_id, redirect_uri, challenge, scope, nonce, amr,
            auth_time)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant, digest(code), client_id, session.user_id, redirect_uri, challenge, scope,
            nonce, session.amr, session.auth_time,
        ],
    )  # fmt: skip
    return code


async def take_code(connection: AsyncConnection[Any], tenant: int, code: str) -> Code | None:
    """Look at a code and lock it: two who have it come one after the other."""
    cursor = connection.cursor(row_factory=class_row(Code))
    await cursor.execute(
        """SELECT client_id, user_id, redirect_uri, challenge, scope, nonce, amr, auth_time,
                  used_at IS NOT NULL AS used,
                  issued_at < now() - make_interval(secs => %s) AS late, family_id
             FROM identity.authorization_code WHERE tenant_id = %s AND hash = %s FOR UPDATE""",
        [CODE_S, tenant, digest(code)],
    )
    return await cursor.fetchone()


async def code_used(
    connection: AsyncConnection[Any], tenant: int, code: str, family: UUID | None
) -> None:
    """Mark a code as used, and what it brought forth."""
    await connection.execute(
        """UPDATE identity.authorization_code SET used_at = now(), family_id = %s
            WHERE tenant_id = %s AND hash = %s""",
        [family, tenant, digest(code)],
    )
