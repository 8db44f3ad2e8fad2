"""Code lists: a tenant's own, and those that its groups share with it, which are read only."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import JSONResponse
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed
from api.fields import Name
from api.identity.administering import expected_version
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.codelists import postgres as code_lists
from mmo.codelists.postgres import RESOURCE, Owner, Value

router = APIRouter(prefix="/code-lists", tags=["code lists"])

MayRead = Annotated[Caller, Depends(requires("code-lists:read"))]
MayWrite = Annotated[Caller, Depends(requires("code-lists:write"))]
ListName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]


class ValueBody(BaseModel):
    """A value of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Name
    active: Annotated[bool, Field(description="Whether forms still offer it.")] = True


class CodeListSchema(BaseModel):
    """A list that one may read, and whose it is."""

    list: str
    owner: str
    values: int
    active: int


class CodeLists(BaseModel):
    """Every list that one may read."""

    items: list[CodeListSchema]


class ValueSchema(BaseModel):
    """A value of a list."""

    list: str
    owner: str
    code: str
    label: str
    active: bool
    version: int
    changed_by: str
    changed_at: str


class ValuePage(BaseModel):
    """Values of a list by code, whose list it is, and the cursor of the next page."""

    owner: str
    items: list[ValueSchema]
    next: str | None


async def version_or_new(
    if_match: Annotated[
        str | None, Header(description='The ETag that was read: `"3"`; none for a new value.')
    ] = None,
) -> int | None:
    """The version that the caller read, or None for a value that is to be new."""
    return None if if_match is None else await expected_version(if_match)


def resource(value: Value, owner: str) -> dict[str, Any]:
    """How a value looks."""
    return asdict(value) | {"owner": owner, "changed_at": value.changed_at.isoformat()}


@router.get("", summary="List code lists", responses=answers_with(CodeLists))
async def read_lists(reading: Reading, caller: MayRead) -> dict[str, Any]:
    """One's own lists, and those that are shared."""
    async with reading(caller, (RESOURCE,)) as connection:
        found = await code_lists.lists(connection, caller.tenant.id)
    return {"items": [asdict(one) for one in found]}


@router.get("/{name}/values", summary="List the values of a code list",
            responses=answers_with(ValuePage))  # fmt: skip
async def read_values(
    reading: Reading,
    name: ListName,
    caller: MayRead,
    active: Annotated[bool | None, Query(description="Only those that are, or are not.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Values by code. `owner` says whose list it is."""
    async with reading(caller, (RESOURCE,)) as connection:
        owner = await _owner(connection, caller, name)
        found = await code_lists.values(
            connection, owner.id, name, active=active, after=key_of(cursor), limit=limit
        )
    rows = [resource(one, owner.slug) for one in found]
    return {"owner": owner.slug} | page_of(rows, limit, found[-1].code if found else None)


@router.get("/{name}/values/{code}", summary="Read a value of a code list",
            responses=answers_with(ValueSchema))  # fmt: skip
async def read_value(reading: Reading, name: ListName, code: Code, caller: MayRead) -> JSONResponse:
    """One value, active or not."""
    async with reading(caller, (RESOURCE,)) as connection:
        owner = await _owner(connection, caller, name)
        found = await code_lists.find(connection, owner.id, name, code)
    if found is None:
        raise Problem("not_found")
    return _answer(found, owner.slug)


@router.put("/{name}/values/{code}", summary="Set a value of a code list",
            responses=changed(ValueSchema, 200, 412))  # fmt: skip
async def put_value(
    change: Annotated[Changing, Depends(Raising("code-list.set"))],
    reading: Reading,
    name: ListName,
    code: Code,
    body: ValueBody,
    caller: MayWrite,
    version: Annotated[int | None, Depends(version_or_new)],
) -> JSONResponse:
    """Add a value, or with If-Match change it. A shared list is its owner's to change."""
    async with reading(caller, (RESOURCE,)) as connection:
        owner = await code_lists.owner_of(connection, caller.tenant.id, name)
    if owner is not None and owner.id != caller.tenant.id:
        raise Problem("shared_read_only")
    asked = {"list": name, "code": code, "version": version, **body.model_dump()}
    carried = await change(caller, f"code-list/{name}/{code}", asked)
    return _answer(carried.result, caller.tenant.slug)


async def _owner(connection: AsyncConnection[Any], caller: Caller, name: str) -> Owner:
    found = await code_lists.owner_of(connection, caller.tenant.id, name)
    if found is None:
        raise Problem("not_found")
    return found


def _answer(value: Value, owner: str) -> JSONResponse:
    return JSONResponse(resource(value, owner), headers={"ETag": f'"{value.version}"'})
