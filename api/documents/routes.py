"""Documents of any shape, and rows of data tables, which are about a wallet."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from api.accepting import Door
from api.changing import Changing, Raising, changed, gone
from api.documents.kinds import POINTER, KindName, MayRead, MayWrite, Store
from api.fields import identifier
from api.headers import OpenDoor, OptionalIdempotencyKey
from api.identity.administering import Version
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.schemas import answers_with
from api.security import Caller
from api.wallets.routes import find_wallet
from mmo.documents.document import Document
from mmo.documents.ports import NoDocumentError, NoKindError, NotIndexedError
from mmo.kernel.identifiers import mint

router = APIRouter(tags=["documents"])

SUBJECT = r"^wallet/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_KEYS = UUID("f2a3f0c4-59f1-4a53-8f0c-0b8a51f7a6f0")
"""Namespace of document ids that come from an idempotency key."""


class DocumentBody(BaseModel):
    """A new document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Annotated[
        str | None, Field(pattern=SUBJECT, description="What it is about: wallet/<id>.")
    ] = None
    body: dict[str, Any]


class DocumentChangeBody(BaseModel):
    """What a document is to hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body: dict[str, Any]


class DocumentSchema(BaseModel):
    """A document."""

    id: UUID
    kind: str
    subject: str | None
    body: dict[str, Any]
    version: int
    changed_by: str
    changed_at: datetime


class DocumentPage(BaseModel):
    """Documents, and the cursor of the next page."""

    items: list[DocumentSchema]
    next: str | None


class VersionSchema(BaseModel):
    """A document as it once was; without a body where it was removed then."""

    number: int
    body: dict[str, Any] | None
    changed_by: str
    changed_at: datetime


class Versions(BaseModel):
    """The newest versions of a document, the newest first."""

    items: list[VersionSchema]


def resource(document: Document) -> dict[str, Any]:
    """How a document looks."""
    changed_at = document.changed_at.isoformat()
    return asdict(document) | {"id": str(document.id), "changed_at": changed_at}


@router.post("/documents/{name}", status_code=201, summary="Add a document",
             responses=changed(DocumentSchema, 201))  # fmt: skip
async def add(
    name: KindName, body: DocumentBody, caller: MayWrite, opened: OpenDoor,
    key: OptionalIdempotencyKey,
    change: Annotated[Changing, Depends(Raising("document.create"))],
) -> JSONResponse:  # fmt: skip
    """Add a document, or a row of a data table. With an Idempotency-Key it is added once."""
    if body.subject is not None:
        await _check_wallet(opened, caller, body.subject.removeprefix("wallet/"))
    told = f"{caller.tenant.slug}/{caller.client}/{name}/{key}"
    number = uuid5(_KEYS, told) if key else mint()
    asked = {"kind": name, "subject": body.subject, "body": body.body}
    return _answer((await change(caller, f"document/{name}/{number}", asked)).result, 201)


@router.get("/documents/{name}", summary="List documents", responses=answers_with(DocumentPage))
async def read_documents(
    store: Store,
    name: KindName,
    caller: MayRead,
    subject: Annotated[str | None, Query(pattern=SUBJECT, description="About what.")] = None,
    field: Annotated[
        str | None, Query(pattern=POINTER, description="A declared field, such as /status.")
    ] = None,
    value: Annotated[
        str | None,
        Query(max_length=200, description="What it holds: a text, a whole number, true or false."),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Documents of a kind; those about a subject, or with a value in a declared field."""
    if (field is None) != (value is None):
        raise Problem("validation", "field and value go together", status=422)
    after = identifier(key_of(cursor) or "") if cursor else None
    wanted = None if field is None or value is None else (field, _scalar(value))
    try:
        found = await store.listed(
            caller.tenant.id, name, subject=subject, field=wanted, after=after, limit=limit
        )
    except NoKindError:
        raise Problem("not_found") from None
    except NotIndexedError as error:
        raise Problem(
            "validation", f"{error} is not among the kind's indexes", status=422
        ) from None
    rows = [resource(one) for one in found]
    return page_of(rows, limit, found[-1].id if found else None)


@router.get("/documents/{name}/{document}", summary="Read a document",
            responses=answers_with(DocumentSchema))  # fmt: skip
async def read_document(
    store: Store, name: KindName, document: str, caller: MayRead
) -> JSONResponse:
    """One document."""
    try:
        return _answer(await store.find(caller.tenant.id, name, identifier(document)))
    except NoDocumentError:
        raise Problem("not_found") from None


@router.put("/documents/{name}/{document}", summary="Change a document",
            responses=changed(DocumentSchema, 200, 412))  # fmt: skip
async def put(
    name: KindName, document: str, body: DocumentChangeBody, caller: MayWrite, version: Version,
    change: Annotated[Changing, Depends(Raising("document.change"))],
) -> JSONResponse:  # fmt: skip
    """Give a document a new body; the version before is kept."""
    asked = {"kind": name, "version": version, "body": body.body}
    return _answer((await change(caller, _object(name, document), asked)).result)


@router.delete("/documents/{name}/{document}", status_code=204, summary="Remove a document",
               responses=gone(412))  # fmt: skip
async def remove(
    name: KindName, document: str, caller: MayWrite, version: Version,
    change: Annotated[Changing, Depends(Raising("document.remove"))],
) -> Response:  # fmt: skip
    """Take a document away; its versions are kept."""
    await change(caller, _object(name, document), {"kind": name, "version": version})
    return Response(status_code=204)


@router.get("/documents/{name}/{document}/versions", summary="List the versions of a document",
            responses=answers_with(Versions))  # fmt: skip
async def read_versions(
    store: Store, name: KindName, document: str, caller: MayRead
) -> dict[str, Any]:
    """The newest 200 versions, also of a document that was removed."""
    try:
        found = await store.versions(caller.tenant.id, name, identifier(document))
    except NoDocumentError:
        raise Problem("not_found") from None
    return {"items": [asdict(one) | {"changed_at": one.changed_at.isoformat()} for one in found]}


def _object(kind: str, document: str) -> str:
    return f"document/{kind}/{identifier(document)}"


async def _check_wallet(opened: Door, caller: Caller, name: str) -> None:
    """What a row is about must be there. Raises Problem wallet_not_found."""
    try:
        await find_wallet(opened, caller, name)
    except Problem as problem:
        raise Problem(problem.code, "the subject names no wallet") from None


def _scalar(written: str) -> Any:
    """What was asked for: JSON where it reads as a number or a truth, else the text itself."""
    try:
        read = orjson.loads(written)
    except orjson.JSONDecodeError:
        return written
    return read if isinstance(read, str | int | bool) else written


def _answer(document: Document, status: int = 200) -> JSONResponse:
    headers = {"ETag": f'"{document.version}"'}
    if status == 201:  # noqa: PLR2004
        headers["Location"] = f"/v1/documents/{document.kind}/{document.id}"
    return JSONResponse(resource(document), status, headers=headers)
