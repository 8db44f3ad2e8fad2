"""A customer or agent logs in by number and PIN, through a channel that the operator owns."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import Request
from fastapi.responses import JSONResponse

from api.authorization import cookies
from api.authorization.errors import NO_STORE, OAuthError
from api.authorization.forms import needed
from api.authorization.issuing import USER_S, access_token, answer, permitted, scope_of
from api.authorization.parts import Parts
from mmo.identity import clients, families
from mmo.identity.clients import Client
from mmo.identity.pins import PinRefusedError, Tenancy
from mmo.identity.standard import ROLE_OF_WALLET
from mmo.kernel.identifiers import mint
from mmo.keys.personal import BY_NUMBER
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from mmo.wallets import postgres as wallets
from mmo.wallets.wallet import Wallet

IDLE_S, LIFE_S = 30 * 24 * 3600, 90 * 24 * 3600
"""Of an app's refresh tokens."""


async def grant(
    request: Request, given: Parts, tenant: Tenant, client: Client, fields: Mapping[str, str]
) -> JSONResponse:
    """Access token of the wallet's owner. Unknown, wrong and locked are one answer.

    The PIN is asked for of a wallet that is not there too: the same statements, the same MAC.
    """
    if not client.trusted_channel or client.kind != "confidential":
        raise OAuthError("unauthorized_client")
    msisdn, secret = needed(fields, "msisdn"), needed(fields, "pin")
    wallet = await _wallet(given, tenant, msisdn)
    device = fields.get("device", "")[:64]
    sources = [f"device/{client.id}/{device}"] if device else []
    if request.client is not None:
        sources.append(f"ip/{request.client.host}")
    try:
        await given.pins.verify(
            Tenancy(id=tenant.id, slug=tenant.slug),
            UUID(wallet.id) if wallet else mint(),
            secret,
            sources,
        )
    except PinRefusedError:
        raise OAuthError("invalid_grant") from None
    if wallet is None or wallet.owner is None:
        raise OAuthError("invalid_grant")
    return await _logged_in(given, tenant, client, wallet, fields)


async def _wallet(given: Parts, tenant: Tenant, msisdn: str) -> Wallet | None:
    name = BY_NUMBER + msisdn
    named = await given.personal.named(tenant.slug, [name])
    async with scoped(given.pool, tenant.id) as connection:
        found = await wallets.find(connection, tenant.id, named)
    return found.get(name)


async def _logged_in(
    given: Parts, tenant: Tenant, client: Client, wallet: Wallet, fields: Mapping[str, str]
) -> JSONResponse:
    assert wallet.owner is not None
    roles = [ROLE_OF_WALLET[wallet.kind]]
    scope = scope_of(fields.get("scope"), await permitted(given, tenant, client, roles))
    claims = {
        "roles": roles,
        "amr": ["pin"],
        "attributes": {**client.attributes, "channel": client.id},
    }
    async with scoped(given.pool, tenant.id) as connection:
        begun = await families.begin(
            connection, tenant.id, subject=wallet.owner, client_id=client.id, scope=scope,
            claims=claims, idle_s=IDLE_S, life_s=LIFE_S,
        )  # fmt: skip
    token = await access_token(
        given, tenant, subject=wallet.owner, client=client.id, scope=scope, roles=roles, more=claims
    )
    response = JSONResponse(answer(token, scope, USER_S), headers=NO_STORE)
    if clients.REFRESH in client.grants:
        cookies.put(response, cookies.refresh_name(tenant), begun.refresh_token, LIFE_S)
    return response
