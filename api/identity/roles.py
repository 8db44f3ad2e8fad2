"""Roles: what their holders may do. A change binds at the next request."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.identity.administering import (
    MayRead,
    MayWrite,
    Scopes,
    Version,
    administering,
    noted,
    within,
)
from api.identity.schemas import RoleList, RoleSchema
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from mmo.identity import roles

router = APIRouter(prefix="/identity/roles", tags=["identity"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class NewRole(BaseModel):
    """A new role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$", examples=["branch-clerk"])]
    permissions: Scopes


class RoleChange(BaseModel):
    """What a role permits from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    permissions: Scopes


@router.post("", status_code=201, summary="Create a role", responses=answers_with(RoleSchema, 201))
async def create(request: Request, body: NewRole, caller: MayWrite) -> JSONResponse:
    """Create a role; its number is given here."""
    within(caller, body.permissions)
    async with administering(request, caller) as connection:
        made = await roles.create(connection, caller.tenant.id, body.name, body.permissions)
        await noted(connection, caller, "role.created", f"role/{made.id}", after=asdict(made))
    return JSONResponse(asdict(made), 201, headers={"ETag": f'"{made.version}"'})


@router.get("", summary="List roles by number", responses=answers_with(RoleList))
async def list_roles(reading: Reading, caller: MayRead) -> dict[str, Any]:
    """Every role of the tenant."""
    async with reading(caller) as connection:
        return {"items": [asdict(one) for one in await roles.listed(connection, caller.tenant.id)]}


@router.get("/{role}", summary="Read a role", responses=answers_with(RoleSchema))
async def read(reading: Reading, role: Number, caller: MayRead) -> JSONResponse:
    """One role."""
    async with reading(caller) as connection:
        found = await roles.find(connection, caller.tenant.id, role)
    if found is None:
        raise Problem("not_found")
    return JSONResponse(asdict(found), headers={"ETag": f'"{found.version}"'})


@router.put("/{role}", summary="Change a role", responses=answers_with(RoleSchema, 200, 412))
async def change(
    request: Request, role: Number, body: RoleChange, caller: MayWrite, version: Version
) -> JSONResponse:
    """Give a role other permissions."""
    async with administering(request, caller) as connection:
        before = await roles.find(connection, caller.tenant.id, role)
        if before is None:
            raise Problem("not_found")
        within(caller, body.permissions, before.permissions)
        if not await roles.change(connection, caller.tenant.id, role, version, body.permissions):
            raise Problem("version_conflict")
        after = await roles.find(connection, caller.tenant.id, role)
        assert after is not None
        await noted(connection, caller, "role.changed", f"role/{role}",
                    before=asdict(before), after=asdict(after))  # fmt: skip
    return JSONResponse(asdict(after), headers={"ETag": f'"{after.version}"'})
