"""Roles: what their holders may do. A change binds at the next request."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed
from api.identity.administering import (
    MayRead,
    MayWrite,
    Scopes,
    Version,
    within,
)
from api.identity.schemas import RoleList, RoleSchema
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from mmo.identity import roles
from mmo.identity.roles import Role

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


@router.post("", status_code=201, summary="Create a role", responses=changed(RoleSchema, 201))
async def create(
    body: NewRole, caller: MayWrite, change: Annotated[Changing, Depends(Raising("role.create"))]
) -> JSONResponse:
    """Create a role; its number is given here."""
    within(caller, body.permissions)
    return _answer((await change(caller, f"role/{body.name}", body.model_dump())).result, 201)


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
    return _answer(found)


@router.put("/{role}", summary="Change a role", responses=changed(RoleSchema, 200, 412))
async def put(
    reading: Reading, role: Number, body: RoleChange, caller: MayWrite, version: Version,
    change: Annotated[Changing, Depends(Raising("role.change"))],
) -> JSONResponse:  # fmt: skip
    """Give a role other permissions."""
    async with reading(caller) as connection:
        before = await roles.find(connection, caller.tenant.id, role)
    if before is None:
        raise Problem("not_found")
    within(caller, body.permissions, before.permissions)
    asked = {"permissions": body.permissions, "version": version}
    return _answer((await change(caller, f"role/{role}", asked)).result)


def _answer(role: Role, status: int = 200) -> JSONResponse:
    return JSONResponse(asdict(role), status, headers={"ETag": f'"{role.version}"'})
