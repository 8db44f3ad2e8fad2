"""Cookies: host-only, secure, out of reach for scripts; one name per tenant."""

from fastapi import Request, Response

from api.authorization.errors import OAuthError
from mmo.tenancy.tenant import Tenant

PROOF_HEADER = "MMO-Same-Site"
"""A header that a form of another site cannot send."""


def refresh_name(tenant: Tenant) -> str:
    """The cookie that carries the refresh token."""
    return f"__Host-mmo_rt_{tenant.slug}"


def session_name(tenant: str) -> str:
    """The cookie of the log-in page."""
    return f"__Host-mmo_session_{tenant}"


def put(response: Response, name: str, value: str, life_s: int, *, strict: bool = True) -> None:
    """Set a cookie for this host alone."""
    response.set_cookie(
        name, value, max_age=life_s, path="/", secure=True, httponly=True,
        samesite="strict" if strict else "lax",
    )  # fmt: skip


def remove(response: Response, name: str) -> None:
    """Remove a cookie."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def same_site(request: Request, issuer: str) -> None:
    """Make sure that no other site's page sent the cookie along. Raises OAuthError (403)."""
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = fetched in {None, "same-origin"} and origin in {None, issuer.partition("/t/")[0]}
    if not own or request.headers.get(PROOF_HEADER) != "1":
        raise OAuthError("access_denied", f"send {PROOF_HEADER}: 1 from the same origin")
