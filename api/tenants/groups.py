"""Groups of tenants: what they share is read by all members, and changed by its owner alone."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.changing import Changing, Raising, changed
from api.fields import identifier
from api.identity.administering import Version
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.tenants.routes import SLUG, MayReadAll, MayWriteAll, numbers_of, register_of
from mmo.kernel.identifiers import mint
from mmo.tenancy import groups
from mmo.tenancy.groups import Group

router = APIRouter(prefix="/tenant-groups", tags=["tenants"])

MEMBERS_MAX, SHARES_MAX = 100, 100
Member = Annotated[str, Field(pattern=SLUG)]


class ShareBody(BaseModel):
    """One table of one member's that all members may read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resource: Literal["code_lists"]
    owner: Member


class GroupContent(BaseModel):
    """Who is in the group, and what is shared in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    members: Annotated[list[Member], Field(max_length=MEMBERS_MAX)]
    shares: Annotated[list[ShareBody], Field(max_length=SHARES_MAX)] = []

    @model_validator(mode="after")
    def _owners_are_members(self) -> "GroupContent":
        if not {share.owner for share in self.shares} <= set(self.members):
            raise ValueError("who shares something is a member")
        return self


class NewGroup(GroupContent):
    """A new group."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$", examples=["east-africa"])]


class GroupShareSchema(BaseModel):
    """What is shared, and whose it is."""

    resource: str
    owner: str


class GroupSchema(BaseModel):
    """A group."""

    id: str
    name: str
    version: int
    members: list[str]
    shares: list[GroupShareSchema]


class GroupPage(BaseModel):
    """Groups, and the cursor of the next page."""

    items: list[GroupSchema]
    next: str | None


def resource(group: Group) -> dict[str, Any]:
    """How a group looks."""
    return {
        "id": str(group.id),
        "name": group.name,
        "version": group.version,
        "members": group.members,
        "shares": [{"resource": what, "owner": whose} for what, whose in group.shares],
    }


@router.post("", status_code=201, summary="Create a group", responses=changed(GroupSchema, 201))
async def create(
    request: Request, body: NewGroup, caller: MayWriteAll,
    change: Annotated[Changing, Depends(Raising("tenant-group.create"))],
) -> JSONResponse:  # fmt: skip
    """Create a group of operators."""
    asked = {"name": body.name, **await _content(request, body)}
    return _answer((await change(caller, f"tenant-group/{mint()}", asked)).result, 201)


@router.get("", summary="List groups", responses=answers_with(GroupPage))
async def list_groups(
    reading: Reading, caller: MayReadAll, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """A page of groups by name."""
    async with reading(caller) as connection:
        found = await groups.listed(connection, caller.tenant.id, key_of(cursor), limit)
    return page_of([resource(one) for one in found], limit, found[-1].name if found else None)


@router.get("/{group}", summary="Read a group", responses=answers_with(GroupSchema))
async def read(reading: Reading, group: str, caller: MayReadAll) -> JSONResponse:
    """One group."""
    async with reading(caller) as connection:
        found = await groups.find(connection, caller.tenant.id, identifier(group))
    if found is None:
        raise Problem("not_found")
    return _answer(found)


@router.put("/{group}", summary="Change a group", responses=changed(GroupSchema, 200, 412))
async def put(
    request: Request, group: str, body: GroupContent, caller: MayWriteAll, version: Version,
    change: Annotated[Changing, Depends(Raising("tenant-group.change"))],
) -> JSONResponse:  # fmt: skip
    """Say anew who is in it and what is shared. Whoever left reads nothing from now on."""
    asked = {"version": version, **await _content(request, body)}
    return _answer((await change(caller, f"tenant-group/{identifier(group)}", asked)).result)


async def _content(request: Request, body: GroupContent) -> dict[str, Any]:
    """Members and shares by the tenants' numbers."""
    known = {one.slug: one for one in await register_of(request).all()}
    numbers = numbers_of(known, body.members)
    return {
        "members": list(numbers.values()),
        "shares": [[share.resource, numbers[share.owner]] for share in body.shares],
    }


def _answer(group: Group, status: int = 200) -> JSONResponse:
    return JSONResponse(resource(group), status, headers={"ETag": f'"{group.version}"'})
