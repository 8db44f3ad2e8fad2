"""Tenants: a super-tenant's staff open, suspend and resume them; everybody reads their own."""

from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.changing import Changing, Raising, changed
from api.fields import Name
from api.identity.clients import return_address
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.tenancy import groups, onboarding
from mmo.tenancy.onboarding import NewTenant
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant

router = APIRouter(tags=["tenants"])

SLUG = r"^[a-z][a-z0-9-]{1,30}$"
CURRENCIES_MAX = 20
Slug = Annotated[str, Path(pattern=SLUG)]


def of_super(scope: str) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """Admit staff of a super-tenant, in their own tenant, with the scope."""

    async def admit(caller: Annotated[Caller, Depends(requires(scope))]) -> Caller:
        if caller.tenant.kind != "super" or caller.visiting:
            raise Problem("insufficient_scope", f"{scope} is a super-tenant's")
        return caller

    return admit


MayReadAll = Annotated[Caller, Depends(of_super("tenants:read"))]
MayWriteAll = Annotated[Caller, Depends(of_super("tenants:write"))]
MayReadOwn = Annotated[Caller, Depends(requires("tenancy:read"))]


def _known_timezone(written: str) -> str:
    if written not in available_timezones():
        raise ValueError("a time zone of the IANA list, such as Africa/Nairobi")
    return written


def _not_reserved(slug: str) -> str:
    if slug == "platform":
        raise ValueError("`platform` is the platform itself")
    return slug


class Administrator(BaseModel):
    """The first administrator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    username: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{1,62}$", examples=["amina"])]
    name: Name


class NewTenantBody(BaseModel):
    """A tenant to be opened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slug: Annotated[str, Field(pattern=SLUG, examples=["savanna"]), AfterValidator(_not_reserved)]
    name: Name
    timezone: Annotated[
        str, Field(max_length=60, examples=["Africa/Nairobi"]), AfterValidator(_known_timezone)
    ]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["KE"])]
    currencies: Annotated[
        list[Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["KES"])]],
        Field(min_length=1, max_length=CURRENCIES_MAX),
    ]
    administrator: Administrator
    console: Annotated[
        Annotated[str, Field(max_length=200), AfterValidator(return_address)] | None,
        Field(description="Where log-in takes people back to."),
    ] = None


class ShareSchema(BaseModel):
    """What a group shares, and whose it is."""

    group: str
    resource: str
    owner: str


class TenantSchema(BaseModel):
    """A tenant."""

    slug: str
    name: str
    kind: str
    state: str
    country: str
    timezone: str
    currencies: list[str]
    invitation: str | None = None
    """The one-time code of the first administrator, shown once."""
    shares: list[ShareSchema] | SkipJsonSchema[None] = None


class TenantList(BaseModel):
    """Every tenant, by number."""

    items: list[TenantSchema]


def resource(tenant: Tenant | NewTenant, state: str) -> dict[str, Any]:
    """How a tenant looks."""
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "kind": tenant.kind,
        "state": state,
        "country": tenant.country,
        "timezone": tenant.timezone,
        "currencies": list(tenant.currencies),
    }


def register_of(request: Request) -> TenantRegister:
    """The register that the composition root put there."""
    found: TenantRegister = request.app.state.tenants
    return found


@router.post(
    "/tenants", status_code=202, summary="Open a tenant", responses=changed(TenantSchema, 202)
)
async def open_tenant(
    body: NewTenantBody, caller: MayWriteAll,
    change: Annotated[Changing, Depends(Raising("tenant.open"))],
) -> JSONResponse:  # fmt: skip
    """Ask for a tenant. It is `pending` until everything is there; the code is shown once."""
    asked = {
        "slug": body.slug, "name": body.name, "timezone": body.timezone, "country": body.country,
        "currencies": list(dict.fromkeys(body.currencies)),
        "administrator": body.administrator.username,
        "administrator_name": body.administrator.name, "console": body.console,
    }  # fmt: skip
    carried = await change(caller, f"tenant/{body.slug}", asked)
    told = resource(carried.result, "pending") | {"invitation": carried.secret}
    headers = {"Location": f"/v1/tenants/{body.slug}", "Cache-Control": "no-store"}
    return JSONResponse(told, 202, headers=headers)


@router.get("/tenants", summary="List tenants", responses=answers_with(TenantList))
async def list_tenants(request: Request, caller: MayReadAll) -> dict[str, Any]:  # noqa: ARG001
    """Every tenant there is."""
    return {"items": [resource(one, one.state) for one in await register_of(request).all()]}


@router.get("/tenants/{tenant}", summary="Read a tenant", responses=answers_with(TenantSchema))
async def read_tenant(
    request: Request, reading: Reading, tenant: Slug, caller: MayReadAll
) -> dict[str, Any]:
    """A tenant, or one that was asked for and is not written down yet."""
    found = await register_of(request).find(tenant)
    if found is not None:
        return resource(found, found.state)
    async with reading(caller) as connection:
        asked = await onboarding.find(connection, tenant)
    if asked is None:
        raise Problem("not_found")
    return resource(asked, "pending")


@router.post(
    "/tenants/{tenant}/suspend", summary="Suspend a tenant", responses=changed(TenantSchema)
)
async def suspend(
    request: Request, tenant: Slug, caller: MayWriteAll,
    change: Annotated[Changing, Depends(Raising("tenant.suspend"))],
) -> dict[str, Any]:  # fmt: skip
    """Its tokens are refused at once, its workflows wait, and a super-tenant reads it."""
    await change(caller, f"tenant/{tenant}")
    return await _told_too(request, caller, tenant, "tenant.suspend")


@router.post("/tenants/{tenant}/resume", summary="Resume a tenant", responses=changed(TenantSchema))
async def resume(
    request: Request, tenant: Slug, caller: MayWriteAll,
    change: Annotated[Changing, Depends(Raising("tenant.resume"))],
) -> dict[str, Any]:  # fmt: skip
    """Let it work again."""
    await change(caller, f"tenant/{tenant}")
    return await _told_too(request, caller, tenant, "tenant.resume")


@router.get("/tenant", summary="Read one's own tenant", responses=answers_with(TenantSchema))
async def read_own(reading: Reading, caller: MayReadOwn) -> dict[str, Any]:
    """The tenant of the token, and what is shared in its groups."""
    async with reading(caller) as connection:
        shares = await groups.shares_of_mine(connection)
    told = resource(caller.tenant, caller.tenant.state)
    return told | {"shares": [asdict(one) for one in shares]}


async def _told_too(request: Request, caller: Caller, slug: str, action: str) -> dict[str, Any]:
    """The tenant's own audit is told too; what it is now."""
    register = register_of(request)
    register.forget()
    found = await register.find(slug)
    assert found is not None, "it was changed just now"
    audit: AuditLog = request.app.state.audit
    await audit.note(_told(caller, found, action))
    return resource(found, found.state)


def _told(caller: Caller, tenant: Tenant, action: str) -> Record:
    """The record in the tenant's own audit."""
    return Record(
        tenant_id=tenant.id,
        actor=f"{caller.tenant.slug}/{caller.actor.subject}",
        client=caller.actor.client,
        action=action,
        object=f"tenant/{tenant.slug}",
    )


def numbers_of(tenants: dict[str, Tenant], slugs: list[str]) -> dict[str, int]:
    """Slug → number. Raises Problem not_found, 422, for what is no operator."""
    for slug in slugs:
        if slug not in tenants or tenants[slug].kind != "operator":
            raise Problem("not_found", f"there is no operator {slug}", status=422)
    return {slug: tenants[slug].id for slug in slugs}
