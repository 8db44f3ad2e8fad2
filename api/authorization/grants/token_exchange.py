"""Somebody from another tenant enters this one (RFC 8693), as the guest they were made here."""

import time
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from api.authorization.errors import NO_STORE, OAuthError
from api.authorization.forms import needed
from api.authorization.issuing import USER_S, access_token, answer, permitted, scope_of
from api.authorization.parts import Parts
from mmo.audit.record import Record
from mmo.identity import users
from mmo.identity.clients import Client
from mmo.identity.users import User
from mmo.kernel.text import is_line
from mmo.keys.verifier import InvalidTokenError
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
REASON_MIN, REASON_MAX = 5, 200


async def grant(
    _: Request, given: Parts, tenant: Tenant, client: Client, fields: Mapping[str, str]
) -> JSONResponse:
    """A short token of this tenant, whose `act` names who it really is. Both audits are told."""
    reason = needed(fields, "reason").strip()
    if not REASON_MIN <= len(reason) <= REASON_MAX or not is_line(reason):
        raise OAuthError("invalid_request", "a reason has 5 to 200 characters")
    if needed(fields, "subject_token_type") != ACCESS_TOKEN:
        raise OAuthError("invalid_request", "the subject token is an access token")
    claims, home = await _subject(given, tenant, needed(fields, "subject_token"))
    async with scoped(given.pool, tenant.id) as connection:
        guest = await users.find_home(connection, tenant.id, f"{home.slug}/{claims['sub']}")
        active = guest is not None and guest.state == "active"
        roles = (
            await users.active_roles(connection, tenant.id, guest.id) if guest and active else []
        )
    if guest is None or not roles:
        raise OAuthError("invalid_grant")
    scope = scope_of(fields.get("scope"), await permitted(given, tenant, client, roles))
    act = {"iss": claims["iss"], "sub": claims["sub"]}
    await _noted(given, tenant, home, guest, act, reason)
    life_s = min(USER_S, claims["exp"] - int(time.time()))
    token = await access_token(
        given, tenant, subject=str(guest.id), client=client.id, scope=scope, roles=roles,
        user_epoch=guest.epoch, life_s=max(life_s, 1),
        more={"act": act, "attributes": dict(guest.attributes)},
    )  # fmt: skip
    body = answer(token, scope, life_s) | {"issued_token_type": ACCESS_TOKEN}
    return JSONResponse(body, headers=NO_STORE)


async def _subject(given: Parts, tenant: Tenant, token: str) -> tuple[dict[str, Any], Tenant]:
    """Whoever holds a token of another tenant that still counts there; no guest goes further."""
    try:
        claims = given.verifier.verify(token)
    except InvalidTokenError:
        raise OAuthError("invalid_grant") from None
    home = await given.tenants.find(claims["tenant"])
    if home is None or home.id == tenant.id or home.state != "active" or "act" in claims:
        raise OAuthError("invalid_grant")
    policy = await given.policies.of(home.id)
    if policy.refuses(claims):
        raise OAuthError("invalid_grant")
    return claims, home


async def _noted(
    given: Parts, tenant: Tenant, home: Tenant, guest: User, act: Mapping[str, str], reason: str
) -> None:
    for one in (home, tenant):
        await given.audit.note(
            Record(tenant_id=one.id, actor=str(guest.id), client="token-exchange", act=(dict(act),),
                   action="tenant.entered", object=tenant.slug, outcome="done", reason=reason)
        )  # fmt: skip
