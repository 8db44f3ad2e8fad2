"""Offices: the branches that look after parties, and which stands below which."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed
from api.fields import Name, identifier
from api.headers import OptionalIdempotencyKey
from api.identity.administering import Version
from api.paging import Cursor, Limit, key_of, page_of
from api.parties.routes import MayRead, MayWrite
from api.problems import Problem
from api.reading import Read, Reading
from api.schemas import answers_with
from api.security import Caller
from mmo.kernel.identifiers import mint
from mmo.parties import offices
from mmo.parties.offices import Office

router = APIRouter(prefix="/offices", tags=["parties"])

_KEYS = UUID("c2a5f0f5-3f0f-4a2b-9c43-6c6c0a4cc0c8")
"""Namespace of office ids that come from an idempotency key."""


class OfficeBody(BaseModel):
    """A new office."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    parent: Annotated[UUID | None, Field(description="The office above.")] = None


class OfficeChangeBody(OfficeBody):
    """What an office is from now on."""

    state: Literal["open", "closed"] = "open"


class OfficeSchema(BaseModel):
    """An office."""

    id: UUID
    name: str
    parent: UUID | None
    state: Literal["open", "closed"]
    version: int
    changed_by: str
    changed_at: datetime


class OfficePage(BaseModel):
    """Offices, and the cursor of the next page."""

    items: list[OfficeSchema]
    next: str | None


def resource(office: Office) -> dict[str, Any]:
    """How an office looks."""
    return asdict(office) | {"changed_at": office.changed_at.isoformat()}


@router.get("", summary="List offices", responses=answers_with(OfficePage))
async def read_offices(
    reading: Reading, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """Offices by id, a page at a time."""
    after = after_id(cursor)
    async with reading(caller) as connection:
        found = await offices.listed(connection, caller.tenant.id, after, limit)
    return page_of([resource(one) for one in found], limit, found[-1].id if found else None)


@router.get("/{office}", summary="Read an office", responses=answers_with(OfficeSchema))
async def read_office(reading: Reading, office: str, caller: MayRead) -> JSONResponse:
    """One office."""
    return _answer(await _find(reading, caller, office))


@router.post("", status_code=201, summary="Add an office", responses=changed(OfficeSchema, 201))
async def add_office(
    body: OfficeBody, caller: MayWrite, key: OptionalIdempotencyKey,
    change: Annotated[Changing, Depends(Raising("office.create"))],
) -> JSONResponse:  # fmt: skip
    """Add an office. With an Idempotency-Key it is added once."""
    named = f"{caller.tenant.slug}/{caller.client}/{key}"
    number = uuid5(_KEYS, named) if key else mint()
    asked = body.model_dump(mode="json")
    carried = await change(caller, f"office/{number}", asked)
    office: Office = carried.result
    begun = office.version == 1
    if begun and (office.name, office.parent) != (asked["name"], asked["parent"]):
        raise Problem("idempotency_key_reused")
    return _answer(office, 201)


@router.put("/{office}", summary="Change an office",
            responses=changed(OfficeSchema, 200, 412))  # fmt: skip
async def put_office(
    reading: Reading, office: str, body: OfficeChangeBody, caller: MayWrite, version: Version,
    change: Annotated[Changing, Depends(Raising("office.change"))],
) -> JSONResponse:  # fmt: skip
    """Rename an office, put it below another, close it or open it again."""
    found = await _find(reading, caller, office)
    asked = body.model_dump(mode="json") | {"version": version}
    return _answer((await change(caller, f"office/{found.id}", asked)).result)


def after_id(cursor: str | None) -> UUID | None:
    """The id that the page before ended with. Raises Problem cursor_invalid."""
    if cursor is None:
        return None
    try:
        return identifier(key_of(cursor) or "")
    except Problem:
        raise Problem("cursor_invalid") from None


async def _find(reading: Read, caller: Caller, name: str) -> Office:
    async with reading(caller) as connection:
        found = await offices.find(connection, caller.tenant.id, identifier(name))
    if found is None:
        raise Problem("not_found")
    return found


def _answer(office: Office, status: int = 200) -> JSONResponse:
    headers = {"ETag": f'"{office.version}"'}
    if status == 201:  # noqa: PLR2004
        headers["Location"] = f"/v1/offices/{office.id}"
    return JSONResponse(resource(office), status, headers=headers)
