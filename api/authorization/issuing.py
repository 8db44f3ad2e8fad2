"""Access tokens (RFC 9068): what they say, and for how long."""

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from api.authorization.errors import OAuthError
from api.authorization.parts import Parts
from mmo.identity.clients import Client
from mmo.keys.ports import Purpose
from mmo.tenancy.tenant import Tenant

USER_S, MACHINE_S = 300, 900
ROLES_MAX = 20


def scope_of(asked: str | None, allowed: Iterable[str]) -> str:
    """What was asked for, or everything allowed. Raises OAuthError invalid_scope."""
    possible = frozenset(allowed)
    wanted = frozenset(asked.split()) if asked else possible
    if not wanted <= possible:
        raise OAuthError("invalid_scope")
    return " ".join(sorted(wanted))


async def permitted(
    given: Parts, tenant: Tenant, client: Client, roles: Iterable[str]
) -> frozenset[str]:
    """What the holder of these roles may do through this client."""
    policy = await given.policies.of(tenant.id)
    of_roles = (policy.roles.get(role, frozenset[str]()) for role in roles)
    return frozenset(client.scopes) & frozenset[str]().union(*of_roles)


async def access_token(
    given: Parts,
    tenant: Tenant,
    *,
    subject: str,
    client: str,
    scope: str,
    life_s: int = USER_S,
    roles: Iterable[str] = (),
    user_epoch: int = 0,
    more: Mapping[str, Any] | None = None,
) -> str:
    """Sign an access token by the tenant's key. Raises KeysAwayError, NoKeyError."""
    policy = await given.policies.of(tenant.id)
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": subject,
        "aud": given.settings.audience,
        "client_id": client,
        "iat": now,
        "exp": now + life_s,
        "jti": uuid.uuid4().hex,
        "roles": sorted(roles)[:ROLES_MAX],
        "scope": scope,
        "epoch": [policy.epoch, user_epoch],
    }
    return await given.keys.sign(tenant.slug, Purpose.JWT, claims | dict(more or {}))


def answer(token: str, scope: str, life_s: int) -> dict[str, Any]:
    """The body of a token's answer. A refresh token is never in it."""
    return {"access_token": token, "token_type": "Bearer", "expires_in": life_s, "scope": scope}
