"""A program asks for itself."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import JSONResponse

from api.authorization.errors import NO_STORE, OAuthError
from api.authorization.issuing import MACHINE_S, access_token, answer, scope_of
from api.authorization.parts import Parts
from mmo.identity.clients import Client
from mmo.tenancy.tenant import Tenant


async def grant(
    _: Request, given: Parts, tenant: Tenant, client: Client, fields: Mapping[str, str]
) -> JSONResponse:
    """An access token of the client's own. A public client has none."""
    if client.kind != "confidential":
        raise OAuthError("unauthorized_client")
    scope = scope_of(fields.get("scope"), client.scopes)
    token = await access_token(
        given, tenant, subject=client.id, client=client.id, scope=scope, life_s=MACHINE_S,
        more={"attributes": dict(client.attributes)} if client.attributes else None,
    )  # fmt: skip
    return JSONResponse(answer(token, scope, MACHINE_S), headers=NO_STORE)
