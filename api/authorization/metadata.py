"""What a client can find out by itself: where the endpoints are, and the public keys."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api.authorization.parts import Given, Issuing, Parts
from mmo.identity.clients import GRANTS
from mmo.keys.ports import PLATFORM, Purpose
from mmo.tenancy.tenant import Tenant

router = APIRouter(tags=["metadata"])

CACHE_S = 300
"""How long a key set may be kept: the next key is shown long before it is used."""
_CACHED = {"Cache-Control": f"public, max-age={CACHE_S}"}
_PUBLIC = ("kty", "crv", "x", "y", "kid", "alg", "use")


@router.get("/.well-known/oauth-authorization-server/t/{tenant}", summary="Metadata (RFC 8414)")
@router.get("/t/{tenant}/.well-known/openid-configuration", summary="Metadata (OpenID)")
@router.get("/t/{tenant}/.well-known/oauth-authorization-server", summary="Metadata")
async def metadata(given: Given, tenant: Issuing) -> JSONResponse:
    """The tenant's endpoints and what they take."""
    return JSONResponse(document(given, tenant), headers=_CACHED)


def document(given: Parts, tenant: Tenant) -> dict[str, Any]:
    """The metadata document of a tenant."""
    issuer = given.issuer(tenant)
    proofs = ["client_secret_basic", "private_key_jwt", "none"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks.json",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "end_session_endpoint": f"{issuer}/logout",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "subject_types_supported": ["public"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": proofs,
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": True,
    }


@router.get("/t/{tenant}/jwks.json", summary="The tenant's public keys")
async def jwks(given: Given, tenant: Issuing) -> JSONResponse:
    """Every key that a token of the tenant may be signed by, the next one included."""
    return _key_set(given, tenant.slug, Purpose.JWT)


@router.get("/platform/temporal/jwks.json", summary="The keys of Temporal's tokens")
async def temporal_jwks(given: Given) -> Response:
    """The platform's own keys for Temporal: no tenant's key is among them."""
    return _key_set(given, PLATFORM, Purpose.TEMPORAL)


def _key_set(given: Parts, tenant: str, purpose: Purpose) -> JSONResponse:
    found = [
        {name: key.jwk[name] for name in _PUBLIC if name in key.jwk}
        for key in given.trust.trusted().values()
        if key.tenant == tenant and key.purpose is purpose
    ]
    return JSONResponse({"keys": found}, headers=_CACHED)
