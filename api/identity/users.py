"""Users: created by one administrator, given roles by two."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed, gone
from api.fields import Name, identifier
from api.identity.administering import Attributes, MayActivate, MayRead, MayWrite, Version
from api.identity.schemas import GrantSchema, UserPage, UserSchema
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from mmo.changes.support.asked import Carried
from mmo.identity import users
from mmo.identity.users import User
from mmo.kernel.identifiers import mint

router = APIRouter(prefix="/identity/users", tags=["identity"])

Role = Annotated[int, Path(ge=1, le=2**31 - 1)]


class NewUser(BaseModel):
    """A new user: staff, or a guest from another tenant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    username: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{1,62}$", examples=["amina"])]
    name: Name
    attributes: Attributes = {}
    home: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z][a-z0-9-]{1,30}/[A-Za-z0-9._:@-]{1,80}$",
            description="`<tenant>/<subject>`: a guest, who enters by token exchange.",
        ),
    ] = None


class UserChange(BaseModel):
    """What a user is from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    state: Literal["active", "suspended", "closed"]
    attributes: Attributes


def resource(user: User) -> dict[str, Any]:
    """How a user looks to an administrator."""
    told = asdict(user) | {"id": str(user.id), "created_at": user.created_at.isoformat()}
    del told["epoch"]
    return told


@router.post("", status_code=201, summary="Create a user", responses=changed(UserSchema, 201))
async def create(
    body: NewUser, caller: MayWrite, change: Annotated[Changing, Depends(Raising("user.create"))]
) -> JSONResponse:
    """Create a user. The invitation is shown once: its holder sets password and authenticator."""
    carried = await change(caller, f"user/{mint()}", body.model_dump())
    told = resource(carried.result) | {"invitation": None if body.home else carried.secret}
    headers = _head(carried.result) | {"Cache-Control": "no-store"}
    return JSONResponse(told, 201, headers=headers)


@router.get("", summary="List users by name", responses=answers_with(UserPage))
async def list_users(
    reading: Reading, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """A page of users."""
    async with reading(caller) as connection:
        found = await users.listed(connection, caller.tenant.id, key_of(cursor), limit)
    return page_of([resource(one) for one in found], limit, found[-1].username if found else None)


@router.get("/{user}", summary="Read a user", responses=answers_with(UserSchema))
async def read(reading: Reading, user: str, caller: MayRead) -> JSONResponse:
    """A user, with the roles they have and wait for."""
    async with reading(caller) as connection:
        found = await users.find(connection, caller.tenant.id, identifier(user))
        if found is None:
            raise Problem("not_found")
        held = await users.grants(connection, caller.tenant.id, found.id)
    return JSONResponse(
        resource(found) | {"roles": [asdict(g) for g in held]}, headers=_head(found)
    )


@router.put("/{user}", summary="Change a user", responses=changed(UserSchema, 200, 412))
async def put(
    user: str, body: UserChange, caller: MayWrite, version: Version,
    change: Annotated[Changing, Depends(Raising("user.change"))],
) -> JSONResponse:  # fmt: skip
    """Change name, state and claims; tokens from before count no more."""
    asked = {**body.model_dump(), "version": version}
    carried = await change(caller, f"user/{identifier(user)}", asked)
    return JSONResponse(resource(carried.result), headers=_head(carried.result))


@router.post(
    "/{user}/invitation", status_code=201, summary="Invite a user again",
    responses=changed(UserSchema, 201),
)  # fmt: skip
async def invite(
    user: str, caller: MayWrite, change: Annotated[Changing, Depends(Raising("user.invite"))]
) -> JSONResponse:
    """A new one-time code, for somebody who lost theirs or their authenticator."""
    carried = await change(caller, f"user/{identifier(user)}")
    told = resource(carried.result) | {"invitation": carried.secret}
    return JSONResponse(told, 201, headers={"Cache-Control": "no-store"})


@router.put(
    "/{user}/roles/{role}", status_code=202, summary="Ask for a role",
    responses=changed(GrantSchema, 202),
)  # fmt: skip
async def ask(
    user: str, role: Role, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("user.ask-role"))],
) -> JSONResponse:  # fmt: skip
    """The grant is pending until somebody else activates it."""
    return _grant(await change(caller, f"user/{identifier(user)}", {"role": role}), 202)


@router.post(
    "/{user}/roles/{role}/activate", summary="Activate a role that another asked for",
    responses=changed(GrantSchema),
)  # fmt: skip
async def activate(
    user: str, role: Role, caller: MayActivate,
    change: Annotated[Changing, Depends(Raising("user.activate-role"))],
) -> JSONResponse:  # fmt: skip
    """Activate. Whoever asked for it, or whose role it is, cannot."""
    if user == caller.actor.subject:
        raise Problem("maker_may_not")
    return _grant(await change(caller, f"user/{identifier(user)}", {"role": role}))


@router.delete(
    "/{user}/roles/{role}", status_code=204, summary="Take a role away", responses=gone()
)
async def revoke(
    user: str, role: Role, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("user.revoke-role"))],
) -> Response:  # fmt: skip
    """Binds at the next request of its holder."""
    await change(caller, f"user/{identifier(user)}", {"role": role})
    return Response(status_code=204)


def _grant(carried: Carried, status: int = 200) -> JSONResponse:
    return JSONResponse(asdict(carried.result), status)


def _head(user: User) -> dict[str, str]:
    return {"ETag": f'"{user.version}"'}
