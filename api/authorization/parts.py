"""What the authorization server is given, and which tenant a request is for."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg_pool import AsyncConnectionPool

from api.authorization.errors import OAuthError
from mmo.audit.postgres import AuditLog
from mmo.identity.pins import PinVault
from mmo.identity.policy import Policies
from mmo.keys.envelope import Envelope
from mmo.keys.ports import KeyStore, Trust
from mmo.keys.verifier import Verifier
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from mmo.wallets.personal import PersonalData


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is given by its composition root."""

    settings: Settings
    pool: AsyncConnectionPool[Any]
    keys: KeyStore
    trust: Trust
    verifier: Verifier
    envelope: Envelope
    tenants: TenantRegister
    policies: Policies
    pins: PinVault
    personal: PersonalData
    audit: AuditLog

    def issuer(self, tenant: Tenant) -> str:
        """The issuer's identifier of a tenant."""
        return f"{self.settings.issuer}/t/{tenant.slug}"


async def parts(request: Request) -> Parts:
    """The parts that the composition root put there."""
    given: Parts = request.app.state.parts
    return given


async def tenant(request: Request, given: Annotated[Parts, Depends(parts)]) -> Tenant:
    """The tenant of the path; one that is suspended is as unknown as one that is not there."""
    found = await given.tenants.find(request.path_params["tenant"])
    if found is None or found.state != "active":
        raise OAuthError("not_found", status=404)
    return found


Given = Annotated[Parts, Depends(parts)]
Issuing = Annotated[Tenant, Depends(tenant)]
