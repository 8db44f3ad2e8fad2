"""Users: created by one administrator, given roles by two."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.identity.administering import (
    Attributes,
    MayActivate,
    MayRead,
    MayWrite,
    Version,
    administering,
    identifier,
    noted,
)
from api.identity.schemas import GrantSchema, UserPage, UserSchema
from api.problems import Problem
from api.queries.paging import Cursor, Limit, key_of, page_of
from api.reading import Reading
from api.schemas import answers_with, problems
from api.security import Caller
from api.wallets import printable
from mmo.identity import users
from mmo.identity.users import User
from mmo.kernel.identifiers import mint

router = APIRouter(prefix="/identity/users", tags=["identity"])

Role = Annotated[int, Path(ge=1, le=2**31 - 1)]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(printable)]


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


@router.post("", status_code=201, summary="Create a user", responses=answers_with(UserSchema, 201))
async def create(request: Request, body: NewUser, caller: MayWrite) -> JSONResponse:
    """Create a user. The invitation is shown once: its holder sets password and authenticator."""
    user_id = mint()
    async with administering(request, caller) as connection:
        invitation = await users.create(
            connection, caller.tenant.id, user_id, username=body.username, name=body.name,
            created_by=caller.actor.subject, attributes=body.attributes, home=body.home,
        )  # fmt: skip
        made = await users.find(connection, caller.tenant.id, user_id)
        assert made is not None
        told = resource(made)
        await noted(connection, caller, "user.created", f"user/{user_id}", after=told)
    told["invitation"] = None if body.home else invitation
    return JSONResponse(told, 201, headers=_head(made) | {"Cache-Control": "no-store"})


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


@router.put("/{user}", summary="Change a user", responses=answers_with(UserSchema, 200, 412))
async def change(
    request: Request, user: str, body: UserChange, caller: MayWrite, version: Version
) -> JSONResponse:
    """Change name, state and claims; tokens from before count no more."""
    user_id = identifier(user)
    async with administering(request, caller) as connection:
        before = await _there(connection, caller.tenant.id, user_id)
        done = await users.change(
            connection, caller.tenant.id, user_id, version, name=body.name, state=body.state,
            attributes=body.attributes,
        )  # fmt: skip
        if not done:
            raise Problem("version_conflict")
        after = await _there(connection, caller.tenant.id, user_id)
        await noted(connection, caller, "user.changed", f"user/{user_id}",
                    before=resource(before), after=resource(after))  # fmt: skip
    return JSONResponse(resource(after), headers=_head(after))


@router.post(
    "/{user}/invitation", status_code=201, summary="Invite a user again",
    responses=answers_with(UserSchema, 201),
)  # fmt: skip
async def invite(request: Request, user: str, caller: MayWrite) -> JSONResponse:
    """A new one-time code, for somebody who lost theirs or their authenticator."""
    user_id = identifier(user)
    async with administering(request, caller) as connection:
        found = await _there(connection, caller.tenant.id, user_id)
        invitation = await users.invite_again(connection, caller.tenant.id, user_id)
        if invitation is None:
            raise Problem("not_found")
        await noted(connection, caller, "user.invited", f"user/{user_id}")
    told = resource(found) | {"invitation": invitation}
    return JSONResponse(told, 201, headers={"Cache-Control": "no-store"})


@router.put(
    "/{user}/roles/{role}", status_code=202, summary="Ask for a role",
    responses=answers_with(GrantSchema, 202),
)  # fmt: skip
async def ask(request: Request, user: str, role: Role, caller: MayWrite) -> JSONResponse:
    """The grant is pending until somebody else activates it."""
    return await _granted(request, caller, user, role, "asked", users.ask_grant)


@router.post(
    "/{user}/roles/{role}/activate", summary="Activate a role that another asked for",
    responses=answers_with(GrantSchema),
)  # fmt: skip
async def activate(request: Request, user: str, role: Role, caller: MayActivate) -> JSONResponse:
    """Activate. Whoever asked for it, or whose role it is, cannot."""
    if user == caller.actor.subject:
        raise Problem("maker_may_not")
    return await _granted(request, caller, user, role, "activated", users.activate_grant)


@router.delete(
    "/{user}/roles/{role}", status_code=204, summary="Take a role away", responses=problems()
)
async def revoke(request: Request, user: str, role: Role, caller: MayWrite) -> Response:
    """Binds at the next request of its holder."""
    await _granted(request, caller, user, role, "revoked", users.revoke_grant)
    return Response(status_code=204)


Deciding = Callable[[Any, int, UUID, int, str], Awaitable[bool]]


async def _granted(
    request: Request, caller: Caller, user: str, role: int, verb: str, carry_out: Deciding
) -> JSONResponse:
    """Carry one change of a grant out, and answer with what the grant is now."""
    user_id, tenant = identifier(user), caller.tenant.id
    async with administering(request, caller) as connection:
        await _there(connection, tenant, user_id)
        done = await carry_out(connection, tenant, user_id, role, caller.actor.subject)
        held = {g.role_id: g for g in await users.grants(connection, tenant, user_id)}
        if not done or role not in held:
            raise Problem("grant_not_pending" if role in held else "not_found")
        await noted(connection, caller, f"role.{verb}", f"user/{user_id}/role/{role}",
                    after=asdict(held[role]))  # fmt: skip
    return JSONResponse(asdict(held[role]), 202 if verb == "asked" else 200)


async def _there(connection: Any, tenant: int, user: UUID) -> User:
    found = await users.find(connection, tenant, user)
    if found is None:
        raise Problem("not_found")
    return found


def _head(user: User) -> dict[str, str]:
    return {"ETag": f'"{user.version}"'}
