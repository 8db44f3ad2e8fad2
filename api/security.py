"""The resource server's side of authorisation: bearer tokens in, callers out."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import structlog
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import Problem
from api.scopes import READ_ALL, SUPER_READ
from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.identity.policy import Policies, Policy
from mmo.identity.standard import READ
from mmo.kernel.envelope import Actor
from mmo.kernel.text import is_line
from mmo.keys.verifier import InvalidTokenError, Verifier
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant

_log = structlog.get_logger()

READABLE = READ | {
    "identity:read", "code-lists:read", "tenancy:read", "bep:read", "products:read",
    "documents:read", "webhooks:read", "parties:read", "tariffs:read",
    "limit-profiles:read", "suspensions:read", "books:read", "figures:read",
    "operations:read",
}  # fmt: skip
"""What a super-tenant's reader has in the tenant that they look at."""
REASON_MIN, REASON_MAX = 5, 200
REASON = "Why: 5 to 200 characters; it is recorded in both audits."


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, proved by the token, and for which tenant."""

    tenant: Tenant
    actor: Actor
    scopes: frozenset[str]
    policy: Policy
    roles: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Claims for policies: office, channel, limit profile."""
    act: tuple[dict[str, str], ...] = ()
    """Who really acts, where somebody entered from another tenant."""
    visiting: bool = False
    """Whether this is a super-tenant's reader: everything is read through a role of its own."""

    @property
    def client(self) -> str:
        """Whose idempotency keys these are: a client's, for one subject."""
        return f"{self.actor.client}/{self.actor.subject}"

    def sees(self, owners: set[str | None]) -> bool:
        """Whether the caller may read what belongs to these."""
        return READ_ALL in self.scopes or self.actor.subject in owners


class Gatekeeper:
    """Turns a token into a caller."""

    def __init__(
        self, verifier: Verifier, tenants: TenantRegister, policies: Policies, audit: AuditLog
    ) -> None:
        self._verifier = verifier
        self._tenants = tenants
        self._policies = policies
        self._audit = audit

    async def admit(self, token: str) -> Caller:
        """Prove the token. Raises Problem invalid_token, always with the same words."""
        try:
            claims = self._verifier.verify(token)
        except InvalidTokenError as error:
            raise _refused(str(error)) from None
        tenant = await self._tenants.find(claims["tenant"])
        if tenant is None or tenant.state != "active":
            raise _refused("tenant")
        policy = await self._policies.of(tenant.id)
        why = policy.refuses(claims)
        if why is not None:
            raise _refused(why)
        return Caller(
            tenant=tenant,
            actor=_actor(claims, policy),
            scopes=policy.allows(claims),
            policy=policy,
            roles=policy.roles_of(claims),
            attributes=_attributes(claims),
            act=_act(claims),
        )

    async def visit(
        self, caller: Caller, named: str, reason: str | None, what: str, *, reads: bool
    ) -> Caller:
        """Let a super-tenant's reader look at another tenant; both audits are told why.

        Raises Problem not_found for whoever is no such reader, as if there were no other tenant,
        insufficient_scope for what is no reading, and reason_missing.
        """
        if caller.tenant.kind != "super" or SUPER_READ not in caller.scopes:
            raise Problem("not_found")
        if not reads:
            raise Problem("insufficient_scope", "enter the tenant by token exchange to change it")
        told = _reason(reason)
        tenant = await self._tenants.find(named)
        if tenant is None:
            raise Problem("not_found")
        for one in (caller.tenant, tenant):
            await self._note(caller, one, f"{tenant.slug}{what}", told)
        return Caller(
            tenant=tenant, actor=caller.actor, scopes=READABLE, policy=caller.policy,
            roles=caller.roles, attributes=caller.attributes, visiting=True,
        )  # fmt: skip

    async def oversee(
        self, caller: Caller, named: str | None, reason: str | None, what: str
    ) -> list[Tenant]:
        """Let a super-tenant's reader look at every operator, or one; all audits are told why.

        Raises Problem not_found and reason_missing, as `visit` does.
        """
        if caller.tenant.kind != "super" or caller.visiting:
            raise Problem("not_found")
        told = _reason(reason)
        found = [
            tenant
            for tenant in await self._tenants.all()
            if tenant.kind == "operator" and named in {None, tenant.slug}
        ]
        if not found:
            raise Problem("not_found")
        await self._note(caller, caller.tenant, f"{named or '*'}{what}", told)
        for tenant in found:
            await self._note(caller, tenant, f"{tenant.slug}{what}", told)
        return found

    async def _note(self, caller: Caller, within: Tenant, what: str, reason: str) -> None:
        await self._audit.note(
            Record(
                tenant_id=within.id,
                actor=f"{caller.tenant.slug}/{caller.actor.subject}",
                client=caller.actor.client,
                action="super.read",
                object=what,
                reason=reason,
            )
        )


def _reason(reason: str | None) -> str:
    """Why. Raises Problem reason_missing where nothing, too little or too much is said."""
    told = _utf8(reason or "").strip()
    if not REASON_MIN <= len(told) <= REASON_MAX or not is_line(told):
        raise Problem("reason_missing")
    return told


def _utf8(header: str) -> str:
    """A header's text as it was sent: in any script."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _refused(reason: str) -> Problem:
    _log.info("token.refused", reason=reason)
    return Problem("invalid_token")


def _actor(claims: Mapping[str, Any], policy: Policy) -> Actor:
    """Who asks, as movements and rules know them."""
    act = _act(claims)
    return Actor(
        subject=claims["sub"],
        client=claims["client_id"],
        roles=tuple(sorted(policy.roles_of(claims))),
        attributes=_attributes(claims),
        act=tuple(_named(one) for one in act if "sub" in one),
    )


def _named(act: Mapping[str, str]) -> str:
    """Who acts, by tenant and subject: the issuer's address ends with the tenant."""
    return f"{act.get('iss', '').rpartition('/')[2]}/{act['sub']}"


def _attributes(claims: Mapping[str, Any]) -> dict[str, str]:
    return _texts(claims.get("attributes"))


def _act(claims: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    told = _texts(claims.get("act"))
    return (told,) if told else ()


def _texts(told: object) -> dict[str, str]:
    if not isinstance(told, dict):
        return {}
    return {str(k): str(v) for k, v in cast("dict[object, object]", told).items()}


_bearer = HTTPBearer(auto_error=False, description="An access token (ES256).")


async def authenticated(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    x_tenant: Annotated[
        str | None, Header(description="Super-tenant only: the tenant to read.", max_length=31)
    ] = None,
    x_reason: Annotated[str | None, Header(description=REASON)] = None,
) -> Caller:
    """Admit whoever has a genuine token; GET may be of another tenant, for a super-tenant."""
    if bearer is None:
        raise Problem("invalid_token")
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    known: Caller | None = getattr(request.state, "caller", None)
    caller = known or await gatekeeper.admit(bearer.credentials)
    _check_repeats(request)
    if x_tenant is None or x_tenant == caller.tenant.slug:
        return caller
    reads = request.method == "GET"
    return await gatekeeper.visit(caller, x_tenant, x_reason, request.url.path, reads=reads)


def _check_repeats(request: Request) -> None:
    """A name that stands twice means two things. Raises Problem bad_request."""
    names = [name for name, _ in request.query_params.multi_items()]
    if len(set(names)) < len(names):
        raise Problem("bad_request", "a query parameter stands twice")
    if len(request.headers.getlist("x-tenant")) > 1:
        raise Problem("bad_request", "more than one X-Tenant header")
    if {"tenant_id", "tenant"} & set(names):
        raise Problem("validation", "the tenant is the token's", status=422)


def requires(scope: str) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """Admit callers whose token carries the scope, and whose roles permit it now."""

    async def admit(caller: Annotated[Caller, Depends(authenticated)]) -> Caller:
        if scope not in caller.scopes:
            raise Problem("insufficient_scope", f"needs the scope {scope}")
        return caller

    return admit
