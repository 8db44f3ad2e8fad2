"""What the holders of a tenant's tokens may do now: the tenant's policy, kept in memory.

Tokens carry role names only. What a role permits, which clients there are, and from which epoch on
tokens count, is read from here at each request, so that a change binds without a new token.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from psycopg_pool import AsyncConnectionPool

from mmo.database.listening import notified
from mmo.tenancy.scope import scoped

CHANNEL = "mmo_identity"
AGE_MAX_S = 5.0
"""How old a policy in memory may be where no notification came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One tenant's policy at one version."""

    version: int
    epoch: int
    roles: Mapping[str, frozenset[str]]
    """Role → the scopes that it permits."""
    clients: Mapping[str, frozenset[str]]
    """Active client → the scopes that it may use."""
    users: Mapping[str, tuple[str, int, frozenset[str]]]
    """Subject of a user → state, epoch, and the roles that are active now."""
    machines: Mapping[str, frozenset[str]]
    """Client → the roles that it holds as itself, a program of the back office."""
    pin_roles: frozenset[str]
    pin_movements: frozenset[str]

    def refuses(self, claims: Mapping[str, Any]) -> str | None:
        """Why a genuine token counts no more; None where it counts."""
        tenant_epoch, user_epoch = _epochs(claims)
        state, epoch, _ = self.users.get(str(claims["sub"]), ("active", 0, frozenset[str]()))
        if tenant_epoch < self.epoch or user_epoch < epoch:
            return "epoch"
        if state != "active":
            return f"user is {state}"
        if claims["client_id"] not in self.clients:
            return "client is not active"
        return None

    def allows(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """The scopes of the token that its roles, or else its client, permit now."""
        asked = frozenset(str(claims.get("scope", "")).split())
        roles = self.roles_of(claims)
        if not claims.get("roles"):
            return asked & self.clients.get(str(claims["client_id"]), frozenset())
        permitted = (self.roles.get(role, frozenset[str]()) for role in roles)
        return asked & frozenset[str]().union(*permitted)

    def roles_of(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """The roles of the token that its subject still holds; a machine's are its client's."""
        if claims["sub"] == claims["client_id"]:
            return self.machines.get(str(claims["sub"]), frozenset())
        named = frozenset(map(str, _list(claims.get("roles"))))
        known = self.users.get(str(claims["sub"]))
        return named if known is None else named & known[2]


def _epochs(claims: Mapping[str, Any]) -> tuple[int, int]:
    match _list(claims.get("epoch")):
        case [int(tenant), int(user)]:
            return tenant, user
        case _:
            return 0, 0


def _list(told: object) -> list[object]:
    return cast("list[object]", told) if isinstance(told, list) else []


@dataclass(frozen=True, slots=True)
class _Kept:
    policy: Policy
    read_at: float


class Policies:
    """The policies of all tenants, read when they are asked for and kept until they change."""

    def __init__(self, pool: AsyncConnectionPool[Any], dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._kept: dict[int, _Kept] = {}
        self._changes = 0

    async def of(self, tenant: int) -> Policy:
        """The tenant's policy; at most AGE_MAX_S old. Raises psycopg.OperationalError.

        What was read while something changed is used once and not kept: it may be from before.
        """
        kept = self._kept.get(tenant)
        if kept is not None and time.monotonic() - kept.read_at <= AGE_MAX_S:
            return kept.policy
        changes, began = self._changes, time.monotonic()
        policy = await read_policy(self._pool, tenant)
        if changes == self._changes:
            self._kept[tenant] = _Kept(policy, began)
        return policy

    def forget(self, tenant: int | None = None) -> None:
        """Read a tenant's policy, or all, anew at the next request."""
        self._changes += 1
        if tenant is None:
            self._kept.clear()
        else:
            self._kept.pop(tenant, None)

    async def run(self) -> None:
        """Forget what other processes change, until cancelled."""
        async for told in notified(self._dsn, CHANNEL):
            self.forget(int(told) if told else None)


_READ = """
SELECT p.version, p.epoch, p.pin_demanded,
       (SELECT coalesce(jsonb_object_agg(r.name, r.permissions), '{}')
          FROM identity.role r WHERE r.tenant_id = p.tenant_id),
       (SELECT coalesce(jsonb_object_agg(c.id, c.scopes), '{}')
          FROM identity.client c WHERE c.tenant_id = p.tenant_id AND c.state = 'active'),
       (SELECT coalesce(jsonb_object_agg(c.id, c.roles), '{}') FROM identity.client c
         WHERE c.tenant_id = p.tenant_id AND c.state = 'active' AND c.roles <> '{}'),
       (SELECT coalesce(jsonb_object_agg(u.id, jsonb_build_array(u.state, u.epoch,
                 (SELECT coalesce(jsonb_agg(r.name), '[]') FROM identity.role_grant g
                    JOIN identity.role r ON r.tenant_id = g.tenant_id AND r.id = g.role_id
                   WHERE g.tenant_id = u.tenant_id AND g.user_id = u.id
                     AND g.state = 'active'))), '{}')
          FROM identity.user_account u WHERE u.tenant_id = p.tenant_id)
  FROM identity.policy p WHERE p.tenant_id = %s
"""
_NOBODY = Policy(
    version=0, epoch=0, roles={}, clients={}, users={}, machines={},
    pin_roles=frozenset(), pin_movements=frozenset(),
)  # fmt: skip


async def read_policy(pool: AsyncConnectionPool[Any], tenant: int) -> Policy:
    """Read a tenant's policy; one without any permits nothing."""
    async with scoped(pool, tenant) as connection:
        cursor = await connection.execute(_READ, [tenant])
        row = await cursor.fetchone()
    if row is None:
        return _NOBODY
    version, epoch, pin, roles, clients, machines, users = row
    return Policy(
        version=version,
        epoch=epoch,
        roles={name: frozenset(scopes) for name, scopes in roles.items()},
        clients={name: frozenset(scopes) for name, scopes in clients.items()},
        users={who: (told[0], told[1], frozenset[str](told[2])) for who, told in users.items()},
        machines={name: frozenset(held) for name, held in machines.items()},
        pin_roles=frozenset(pin.get("roles", ())),
        pin_movements=frozenset(pin.get("movements", ())),
    )
