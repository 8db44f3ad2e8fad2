"""The token endpoint: one route, and a module per grant behind it."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request, Response

from api.authorization.client_authentication import authenticated
from api.authorization.errors import OAuthError
from api.authorization.forms import Form
from api.authorization.grants import (
    authorization_code,
    client_credentials,
    pin,
    refresh_token,
    token_exchange,
)
from api.authorization.parts import Given, Issuing, Parts
from mmo.identity import clients
from mmo.identity.clients import Client
from mmo.tenancy.tenant import Tenant

router = APIRouter(tags=["token"])

Grant = Callable[[Request, Parts, Tenant, Client, Mapping[str, str]], Awaitable[Response]]

GRANTS: dict[str, Grant] = {
    clients.CODE: authorization_code.grant,
    clients.REFRESH: refresh_token.grant,
    clients.CLIENT: client_credentials.grant,
    clients.EXCHANGE: token_exchange.grant,
    clients.PIN: pin.grant,
}


@router.post("/t/{tenant}/token", summary="Get an access token")
async def token(request: Request, given: Given, tenant: Issuing, fields: Form) -> Response:
    """Prove the client, then do what the grant does."""
    kind = fields.get("grant_type", "")
    if kind not in GRANTS:
        raise OAuthError("unsupported_grant_type")
    client = await authenticated(request, given, tenant, fields, kind)
    return await GRANTS[kind](request, given, tenant, client, fields)
