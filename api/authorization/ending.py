"""Ending and asking about tokens: revoke (RFC 7009), introspect (RFC 7662), log out."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.authorization import cookies
from api.authorization.client_authentication import authenticated
from api.authorization.errors import NO_STORE, OAuthError
from api.authorization.forms import Form, needed
from api.authorization.parts import Given, Issuing, Parts
from mmo.identity import families, logins
from mmo.keys.verifier import InvalidTokenError
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

router = APIRouter(tags=["token"])

_TOLD = ("sub", "client_id", "scope", "iat", "exp", "iss", "aud", "jti", "roles", "act")


@router.post("/t/{tenant}/revoke", summary="End a refresh token's family")
async def revoke(request: Request, given: Given, tenant: Issuing, fields: Form) -> Response:
    """End the family of the token, or of the cookie. An unknown one is a success too."""
    client = await authenticated(request, given, tenant, fields, None)
    sent = fields.get("token") or request.cookies.get(cookies.refresh_name(tenant), "")
    async with scoped(given.pool, tenant.id) as connection:
        found = await families.family_of(connection, tenant.id, sent)
        if found is not None and found[1] == client.id:
            await families.end(connection, tenant.id, found[0], "revoked by its client")
    return JSONResponse({}, headers=NO_STORE)


@router.post("/t/{tenant}/introspect", summary="Ask whether a token counts")
async def introspect(request: Request, given: Given, tenant: Issuing, fields: Form) -> Response:
    """Answer about this tenant's tokens only, to clients that prove themselves."""
    client = await authenticated(request, given, tenant, fields, None)
    if client.kind != "confidential":
        raise OAuthError("unauthorized_client")
    return JSONResponse(await _told(given, tenant, needed(fields, "token")), headers=NO_STORE)


async def _told(given: Parts, tenant: Tenant, token: str) -> dict[str, Any]:
    try:
        claims = given.verifier.verify(token)
    except InvalidTokenError:
        return {"active": False}
    policy = await given.policies.of(tenant.id)
    if claims["tenant"] != tenant.slug or policy.refuses(claims):
        return {"active": False}
    told = {name: claims[name] for name in _TOLD if name in claims}
    return {"active": True, "token_type": "Bearer", **told}


@router.post("/t/{tenant}/logout", summary="Log out here")
async def logout(request: Request, given: Given, tenant: Issuing) -> Response:
    """End the session and the refresh family of this browser; access tokens end by themselves."""
    cookies.same_site(request, given.issuer(tenant))
    refresh = request.cookies.get(cookies.refresh_name(tenant))
    session = request.cookies.get(cookies.session_name(tenant.slug))
    async with scoped(given.pool, tenant.id) as connection:
        found = await families.family_of(connection, tenant.id, refresh) if refresh else None
        if found is not None:
            await families.end(connection, tenant.id, found[0], "logged out")
        if session:
            await logins.end_session(connection, tenant.id, session)
    response = JSONResponse({}, headers=NO_STORE)
    cookies.remove(response, cookies.refresh_name(tenant))
    cookies.remove(response, cookies.session_name(tenant.slug))
    return response
