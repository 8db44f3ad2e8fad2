"""The resource server's side of authorisation: bearer tokens in, callers out."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import Problem
from mmo.kernel.envelope import Actor
from mmo.keys.verifier import InvalidTokenError, Verifier
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant

_log = structlog.get_logger()

ON_BEHALF = "wallets:on-behalf"
"""Staff: may act for wallets that are not the caller's own."""
READ_ALL = "movements:read:all"
"""Staff: may read every movement and wallet of the tenant."""

FIXED_SCOPES = {
    "movements:read": "Read movements that one asked for or takes part in.",
    READ_ALL: "Read every movement and wallet of the tenant.",
    "wallets:read": "Read one's own wallets, their balances and statements.",
    "wallets:write": "Open, freeze, unfreeze and close wallets.",
    ON_BEHALF: "Do so for wallets of other people.",
}
"""The scopes that no movement brings along; the catalogue adds the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, proved by the token."""

    tenant: Tenant
    actor: Actor
    scopes: frozenset[str]

    @property
    def client(self) -> str:
        """Whose idempotency keys these are: a client's, for one subject."""
        return f"{self.actor.client}/{self.actor.subject}"

    def sees(self, owners: set[str | None]) -> bool:
        """Whether the caller may read what belongs to these."""
        return READ_ALL in self.scopes or self.actor.subject in owners


class Gatekeeper:
    """Turns a token into a caller."""

    def __init__(self, verifier: Verifier, tenants: TenantRegister) -> None:
        self._verifier = verifier
        self._tenants = tenants

    async def admit(self, token: str) -> Caller:
        """Prove the token. Raises Problem invalid_token, always with the same words."""
        try:
            claims = self._verifier.verify(token)
        except InvalidTokenError as error:
            _log.info("token.refused", reason=str(error))
            raise Problem("invalid_token") from None
        tenant = await self._tenants.find(claims["tenant"])
        if tenant is None:
            raise Problem("invalid_token")
        return Caller(
            tenant=tenant,
            actor=Actor(subject=claims["sub"], client=claims["client_id"]),
            scopes=frozenset(str(claims.get("scope", "")).split()),
        )


_bearer = HTTPBearer(auto_error=False, description="An access token (ES256).")


async def authenticated(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Admit whoever has a genuine token."""
    if bearer is None:
        raise Problem("invalid_token")
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    return await gatekeeper.admit(bearer.credentials)


def requires(scope: str) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """Admit callers whose token carries the scope."""

    async def admit(caller: Annotated[Caller, Depends(authenticated)]) -> Caller:
        if scope not in caller.scopes:
            raise Problem("insufficient_scope", f"needs the scope {scope}")
        return caller

    return admit
