"""Staff come back from the log-in page with a code, and prove that they began there."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from psycopg import AsyncConnection

from api.authorization import cookies
from api.authorization.errors import NO_STORE, OAuthError
from api.authorization.forms import needed
from api.authorization.issuing import USER_S, access_token, answer, permitted, scope_of
from api.authorization.parts import Parts
from mmo.identity import clients, families, logins, users
from mmo.identity.clients import Client
from mmo.identity.families import Rotated
from mmo.identity.logins import Code
from mmo.identity.users import User
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

IDLE_S, LIFE_S = 30 * 60, 12 * 3600
"""Of a console's refresh tokens."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_log = structlog.get_logger()


async def grant(
    _: Request, given: Parts, tenant: Tenant, client: Client, fields: Mapping[str, str]
) -> JSONResponse:
    """Access token in the body, refresh token in the cookie. A code counts once.

    One that comes again ends what it brought forth (RFC 6749 §4.1.2).
    """
    secret = needed(fields, "code")
    async with scoped(given.pool, tenant.id) as connection:
        code = await logins.take_code(connection, tenant.id, secret)
        refused = _flaw(code, client, fields)
        if code is not None and code.used and code.family_id is not None:
            await families.end(connection, tenant.id, code.family_id, "its code came again")
            await connection.execute(
                "SELECT identity.raise_epoch(%s, %s)", [tenant.id, code.user_id]
            )
            given.policies.forget(tenant.id)
            _log.warning("code.used_again", tenant=tenant.slug, client=client.id)
        begun = None if refused else await _begun(given, connection, tenant, client, code, secret)
    if begun is None:
        raise OAuthError("invalid_grant")
    user, roles, rotated = begun
    token = await access_token(
        given, tenant, subject=str(user.id), client=client.id, scope=rotated.family.scope,
        roles=roles, user_epoch=user.epoch, more=rotated.family.claims,
    )  # fmt: skip
    response = JSONResponse(answer(token, rotated.family.scope, USER_S), headers=NO_STORE)
    if clients.REFRESH in client.grants:
        cookies.put(response, cookies.refresh_name(tenant), rotated.refresh_token, LIFE_S)
    return response


def _flaw(code: Code | None, client: Client, fields: Mapping[str, str]) -> bool:
    if code is None or code.used or code.late or code.client_id != client.id:
        return True
    verifier = fields.get("code_verifier", "")
    if not _VERIFIER.fullmatch(verifier) or fields.get("redirect_uri") != code.redirect_uri:
        return True
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return not hmac.compare_digest(made, code.challenge.encode())


async def _begun(
    given: Parts, connection: AsyncConnection[Any], tenant: Tenant, client: Client,
    code: Code | None, secret: str,
) -> tuple[User, list[str], Rotated] | None:  # fmt: skip
    """Begin the family of this log-in; None where the user is no more."""
    assert code is not None
    user = await users.find(connection, tenant.id, code.user_id)
    if user is None or user.state != "active":
        return None
    roles = await users.active_roles(connection, tenant.id, user.id)
    allowed = await permitted(given, tenant, client, roles)
    asked = " ".join(sorted(frozenset(code.scope.split()) & allowed)) if code.scope else None
    claims = {"amr": code.amr, "auth_time": code.auth_time, "attributes": dict(user.attributes)}
    rotated = await families.begin(
        connection, tenant.id, subject=str(user.id), client_id=client.id,
        scope=scope_of(asked, allowed), claims=claims, idle_s=IDLE_S, life_s=LIFE_S,
    )  # fmt: skip
    await logins.code_used(connection, tenant.id, secret, rotated.family.id)
    return user, roles, rotated
