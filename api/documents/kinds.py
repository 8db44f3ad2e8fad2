"""Kinds of documents: what shapes there are, which are data tables, and what lists filter by."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed
from api.documents.code_lists import version_or_new
from api.fields import Name
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.documents.document import INDEXES_MAX, Kind
from mmo.documents.ports import DocumentStore, NoKindError

router = APIRouter(tags=["documents"])

MayRead = Annotated[Caller, Depends(requires("documents:read"))]
MayWrite = Annotated[Caller, Depends(requires("documents:write"))]
KindName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
POINTER = r"^(/[A-Za-z0-9_-]{1,64}){1,5}$"


class KindBody(BaseModel):
    """A kind of document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Name
    table: Annotated[bool, Field(description="Whether it is a data table.")] = False
    json_schema: Annotated[
        dict[str, Any] | None, Field(alias="schema", description="JSON Schema; else any shape.")
    ] = None
    indexes: Annotated[
        tuple[Annotated[str, Field(pattern=POINTER, examples=["/status"])], ...],
        Field(max_length=INDEXES_MAX, description="Pointers of the fields that lists filter by."),
    ] = ()


class KindSchema(BaseModel):
    """A kind of document."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    title: str
    table: bool
    json_schema: dict[str, Any] | None = Field(alias="schema")
    indexes: list[str]
    version: int
    changed_by: str
    changed_at: datetime


class KindPage(BaseModel):
    """Kinds by name, and the cursor of the next page."""

    items: list[KindSchema]
    next: str | None


async def _store(request: Request) -> DocumentStore:
    store: DocumentStore = request.app.state.documents
    return store


Store = Annotated[DocumentStore, Depends(_store)]


def kind_resource(kind: Kind) -> dict[str, Any]:
    """How a kind looks."""
    told = asdict(kind)
    told |= {"table": told.pop("is_table"), "schema": told.pop("json_schema")}
    return told | {"indexes": list(kind.indexes), "changed_at": kind.changed_at.isoformat()}


@router.get("/document-kinds", summary="List kinds of documents", responses=answers_with(KindPage))
async def read_kinds(
    store: Store, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """Kinds by name, data tables among them."""
    found = await store.kinds(caller.tenant.id, key_of(cursor) or "", limit)
    rows = [kind_resource(one) for one in found]
    return page_of(rows, limit, found[-1].name if found else None)


@router.get("/document-kinds/{name}", summary="Read a kind of documents",
            responses=answers_with(KindSchema))  # fmt: skip
async def read_kind(store: Store, name: KindName, caller: MayRead) -> JSONResponse:
    """One kind."""
    try:
        return _kind_answer(await store.kind(caller.tenant.id, name))
    except NoKindError:
        raise Problem("not_found") from None


@router.put("/document-kinds/{name}", summary="Set a kind of documents",
            responses=changed(KindSchema, 200, 412))  # fmt: skip
async def put_kind(
    name: KindName,
    body: KindBody,
    caller: MayWrite,
    version: Annotated[int | None, Depends(version_or_new)],
    change: Annotated[Changing, Depends(Raising("document-kind.set"))],
) -> JSONResponse:
    """Add a kind, or with If-Match change it."""
    asked = {
        "title": body.title, "table": body.table, "schema": body.json_schema,
        "indexes": list(dict.fromkeys(body.indexes)), "version": version,
    }  # fmt: skip
    return _kind_answer((await change(caller, f"document-kind/{name}", asked)).result)


def _kind_answer(kind: Kind) -> JSONResponse:
    return JSONResponse(kind_resource(kind), headers={"ETag": f'"{kind.version}"'})
