"""A log-in goes on: the cookie's refresh token brings an access token and a successor."""

from collections.abc import Mapping
from uuid import UUID

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse

from api.authorization import cookies
from api.authorization.errors import NO_STORE, OAuthError
from api.authorization.grants import authorization_code, pin
from api.authorization.issuing import USER_S, access_token, answer
from api.authorization.parts import Parts
from mmo.audit.record import Record
from mmo.identity import families, users
from mmo.identity.clients import Client
from mmo.identity.families import NotRotated, Rotated
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

_log = structlog.get_logger()


async def grant(
    request: Request, given: Parts, tenant: Tenant, client: Client, fields: Mapping[str, str]
) -> JSONResponse:
    """Rotate. A token that was used before ends its family, and tells the audit."""
    if "refresh_token" in fields:
        raise OAuthError("invalid_request", "a refresh token travels in its cookie only")
    cookies.same_site(request, given.issuer(tenant))
    sent = request.cookies.get(cookies.refresh_name(tenant))
    if not sent:
        raise OAuthError("invalid_grant")
    async with scoped(given.pool, tenant.id) as connection:
        rotated = await families.rotate(connection, tenant.id, sent, client.id)
    if isinstance(rotated, NotRotated):
        if rotated.reused:
            _log.error("refresh.reused", tenant=tenant.slug, client=client.id)
            await given.audit.note(
                Record(tenant_id=tenant.id, actor=client.id, client=client.id,
                       action="refresh.reused", object="token_family", outcome="refused")
            )  # fmt: skip
        raise OAuthError("invalid_grant")
    return await _answered(given, tenant, client, rotated, fields.get("scope"))


async def _answered(
    given: Parts, tenant: Tenant, client: Client, rotated: Rotated, asked: str | None
) -> JSONResponse:
    family = rotated.family
    wanted = frozenset(asked.split()) if asked else frozenset(family.scope.split())
    if not wanted <= frozenset(family.scope.split()):
        raise OAuthError("invalid_scope")
    roles, epoch = list[str](family.claims.get("roles", [])), 0
    if "roles" not in family.claims:
        async with scoped(given.pool, tenant.id) as connection:
            user = await users.find(connection, tenant.id, UUID(family.subject))
            if user is None or user.state != "active":
                raise OAuthError("invalid_grant")
            roles = await users.active_roles(connection, tenant.id, user.id)
            epoch = user.epoch
    scope = " ".join(sorted(wanted))
    token = await access_token(
        given, tenant, subject=family.subject, client=client.id, scope=scope, roles=roles,
        user_epoch=epoch, more=family.claims,
    )  # fmt: skip
    response = JSONResponse(answer(token, scope, USER_S), headers=NO_STORE)
    life_s = pin.LIFE_S if "roles" in family.claims else authorization_code.LIFE_S
    cookies.put(response, cookies.refresh_name(tenant), rotated.refresh_token, life_s)
    return response
