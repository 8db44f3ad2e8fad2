"""Who a client is: by its secret, by its own key, or, a public one, by its name alone."""

import base64
import binascii
import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from fastapi import Request
from jose import jwk
from jose.backends.base import Key

from api.authorization.errors import OAuthError
from api.authorization.parts import Parts
from mmo.identity import attempts, clients
from mmo.identity.clients import Client
from mmo.identity.secret import digest
from mmo.keys.verifier import SKEW_S, InvalidTokenError, proved, strict_object
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE_MAX_S = 300
_NO_SECRET = bytes(32)


async def authenticated(
    request: Request, given: Parts, tenant: Tenant, fields: Mapping[str, str], grant: str | None
) -> Client:
    """The client, proved, and allowed this grant. Raises OAuthError invalid_client.

    After five wrong secrets further wrong ones are 429 for a quarter of an hour.
    """
    named, secret = _basic(request)
    if named is not None and ("client_secret" in fields or "client_assertion" in fields):
        raise OAuthError("invalid_request", "the client proves itself twice")
    if "client_assertion" in fields:
        client = await _by_assertion(given, tenant, fields)
    elif named is not None:
        client = await _by_secret(given, tenant, named, secret)
    elif "client_secret" in fields:
        client = await _by_secret(
            given, tenant, fields.get("client_id", ""), fields["client_secret"]
        )
    else:
        client = await _public(given, tenant, fields.get("client_id", ""))
    if fields.get("client_id") not in {None, client.id}:
        raise OAuthError("invalid_client")
    if grant is not None and grant not in client.grants:
        raise OAuthError("unauthorized_client")
    return client


def _basic(request: Request) -> tuple[str | None, str]:
    sent = request.headers.getlist("authorization")
    if not sent:
        return None, ""
    scheme, _, told = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "basic":
        raise OAuthError("invalid_client")
    try:
        name, colon, secret = base64.b64decode(told, validate=True).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        raise OAuthError("invalid_client") from None
    name, secret = unquote_plus(name), unquote_plus(secret)
    if not colon or "\0" in name:
        raise OAuthError("invalid_client")
    return name, secret


async def _by_secret(given: Parts, tenant: Tenant, name: str, secret: str) -> Client:
    """A secret of 256 bits cannot be guessed: wrong ones are slowed down, and the right one is not.

    Else whoever knows a client's name could keep it out.
    """
    async with scoped(given.pool, tenant.id) as connection:
        client = await clients.find(connection, tenant.id, name)
        kept, locked = await clients.secret_of(connection, tenant.id, name)
        right = hmac.compare_digest(digest(secret), kept or _NO_SECRET) and kept is not None
        if not right:
            await attempts.reserve(connection, "client", tenant.id, name)
    if locked and not right:
        raise OAuthError("slow_down", "too many wrong secrets; try again later")
    if client is None or not right or client.state != "active":
        raise OAuthError("invalid_client")
    return client


async def _public(given: Parts, tenant: Tenant, name: str) -> Client:
    async with scoped(given.pool, tenant.id) as connection:
        client = await clients.find(connection, tenant.id, name)
    if client is None or client.kind != "public" or client.state != "active":
        raise OAuthError("invalid_client")
    return client


async def _by_assertion(given: Parts, tenant: Tenant, fields: Mapping[str, str]) -> Client:
    """RFC 7523: signed by the client's own key, for this issuer, once, for five minutes at most."""
    if fields.get("client_assertion_type") != ASSERTION:
        raise OAuthError("invalid_client")
    name = fields.get("client_id", "")
    async with scoped(given.pool, tenant.id) as connection:
        client = await clients.find(connection, tenant.id, name)
        if client is None or client.jwks is None or client.state != "active":
            raise OAuthError("invalid_client")
        try:
            claims = _claims(fields["client_assertion"], client.jwks)
        except InvalidTokenError:
            raise OAuthError("invalid_client") from None
        issuer = given.issuer(tenant)
        _check(claims, client.id, {issuer, f"{issuer}/token"})
        if not await clients.use_assertion(
            connection, tenant.id, client.id, claims["jti"], claims["exp"]
        ):
            raise OAuthError("invalid_client")
    return client


def _claims(assertion: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    def key_of(kid: str) -> Key | None:
        for one in jwks.get("keys", []):
            if one.get("kid") == kid and one.get("kty") == "EC" and one.get("crv") == "P-256":
                return jwk.construct({n: one[n] for n in ("kty", "crv", "x", "y")}, "ES256")
        return None

    return strict_object(proved(assertion, "JWT", key_of))


def _check(claims: Mapping[str, Any], client: str, audiences: set[str]) -> None:
    now = int(time.time())
    told = (claims.get("iss"), claims.get("sub"))
    expires, jti, audience = claims.get("exp"), claims.get("jti"), claims.get("aud")
    fine = (
        told == (client, client)
        and isinstance(audience, str)
        and audience in audiences
        and type(expires) is int
        and now - SKEW_S < expires <= now + ASSERTION_LIFE_MAX_S
        and isinstance(jti, str)
        and 8 <= len(jti) <= 128  # noqa: PLR2004 - long enough to be one, short enough to keep
        and jti.isprintable()
    )
    if not fine:
        raise OAuthError("invalid_client")
