"""What belongs to a party: the stores of a merchant, and the documents of KYC."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import AfterValidator, BaseModel, ConfigDict

from api.changing import Changing, ParkedError, Raising, changed, gone
from api.fields import Name, identifier
from api.headers import OptionalIdempotencyKey
from api.parties.routes import CHANGED, MayWrite, Opened, answer, find_party, today
from api.parties.schemas import KycDocumentSchema, PartySchema
from api.parties.uploads import BODY, Upload
from api.problems import Problem
from api.reading import Read, Reading
from api.schemas import answers_with, problems
from api.security import Caller, requires
from mmo.changes.party_commands import document_body
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import REFUSALS
from mmo.parties.blobs import BlobStore, NoBlobError
from mmo.parties.commands import AddDocument
from mmo.parties.document import DOCUMENT_TYPES, MEDIA_TYPES, Document
from mmo.parties.party import Party

router = APIRouter(prefix="/parties/{party}", tags=["parties"])

MayFile = Annotated[Caller, Depends(requires("parties:documents"))]
FILE: dict[str, Any] = {"description": "The file.", "content": {name: {} for name in MEDIA_TYPES}}
_STORES = UUID("b8f7b3b3-6f57-4b8e-a1c8-0a8c2a0b0f11")
_DOCUMENTS = UUID("4a3b0f53-60a2-4c5e-8f55-91c5d3f6b8a4")
"""Namespaces of ids that come from an idempotency key."""


class StoreBody(BaseModel):
    """A new store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


def _known_type(written: str) -> str:
    if written not in DOCUMENT_TYPES:
        raise ValueError("a type of document that GSMA lists, such as passport")
    return written


Type = Annotated[
    str,
    Query(json_schema_extra={"enum": list(DOCUMENT_TYPES)}, examples=["passport"]),
    AfterValidator(_known_type),
]
Country = Annotated[
    str, Query(pattern="^[A-Z]{2}$", description="Who issued it (ISO 3166).", examples=["KE"])
]
Expires = Annotated[date | None, Query(description="Its last day; else it has none.")]


async def blob_store(request: Request) -> BlobStore:
    """The store of files that the composition root put there."""
    opened: BlobStore = request.app.state.blobs
    return opened


Blobs = Annotated[BlobStore, Depends(blob_store)]


@router.post("/stores", status_code=201, summary="Open a store of a merchant",
             responses=changed(PartySchema, 201))  # fmt: skip
async def open_store(
    party: str, body: StoreBody, caller: MayWrite, opened: Opened, reading: Reading,
    key: OptionalIdempotencyKey, change: Annotated[Changing, Depends(Raising("store.open"))],
) -> JSONResponse:  # fmt: skip
    """Open a store. With an Idempotency-Key it is opened once."""
    found = await find_party(reading, caller, party)
    store = _named(_STORES, caller, found, key)
    asked = {"store": store, "name": body.name}
    carried = await change(caller, f"party/{found.id}", asked)
    kept = next(one for one in carried.result.stores if one.id == store)
    if kept.name != body.name:
        raise Problem("idempotency_key_reused")
    return await answer(opened, caller, carried, 201)


@router.post("/stores/{store}/close", summary="Close a store of a merchant", responses=CHANGED)
async def close_store(
    party: str, store: str, caller: MayWrite, opened: Opened, reading: Reading,
    change: Annotated[Changing, Depends(Raising("store.close"))],
) -> JSONResponse:  # fmt: skip
    """Close a store; a closed one stays closed."""
    found = await find_party(reading, caller, party)
    asked = {"store": str(identifier(store))}
    return await answer(opened, caller, await change(caller, f"party/{found.id}", asked), 200)


@router.post("/documents", status_code=201, summary="Add a document of KYC",
             responses=changed(KycDocumentSchema, 201), openapi_extra=BODY)  # fmt: skip
async def add_document(
    request: Request, party: str, type: Type, country: Country, caller: MayFile, reading: Reading,  # noqa: A002
    blobs: Blobs, key: OptionalIdempotencyKey,
    change: Annotated[Changing, Depends(Raising("party.add-document"))], expires: Expires = None,
) -> JSONResponse:  # fmt: skip
    """Put a document on file: the body is the file. With an Idempotency-Key it is added once."""
    found = await find_party(reading, caller, party)
    identifier, upload = _named(_DOCUMENTS, caller, found, key), Upload(request)
    stored = await blobs.put(caller.tenant.slug, f"{found.id}/{identifier}", upload.pieces())
    document = AddDocument(
        document=identifier, type=type, country=country, expires=expires, sha256=stored.sha256,
        size=stored.size, media_type=upload.media_type,
    )  # fmt: skip
    try:
        carried = await change(caller, f"party/{found.id}", document_body(document))
    except ParkedError:
        raise  # the file waits with the change
    except Problem:
        await _give_up(reading, caller, blobs, found, document)
        raise
    kept = carried.result.document(document.document)
    if kept is None or _told(kept) != _told(document):
        await _give_up(reading, caller, blobs, found, document)
        raise Problem("idempotency_key_reused")
    told = KycDocumentSchema.of(kept, today(caller)).model_dump(mode="json")
    headers = {"Location": f"/v1/parties/{found.id}/documents/{kept.id}"}
    return JSONResponse(told, 201, headers=headers)


@router.get("/documents/{document}", summary="Read a document of KYC",
            responses=answers_with(KycDocumentSchema))  # fmt: skip
async def read_document(
    party: str, document: str, caller: MayFile, reading: Reading
) -> dict[str, Any]:
    """What is known of a document; one that has expired says so."""
    found = await find_party(reading, caller, party)
    return KycDocumentSchema.of(_kept(found, document), today(caller)).model_dump(mode="json")


@router.get("/documents/{document}/file", summary="Read the file of a document of KYC",
            response_class=Response,
            responses={**problems(), 200: FILE})  # fmt: skip
async def read_file(
    party: str, document: str, caller: MayFile, reading: Reading, blobs: Blobs
) -> StreamingResponse:
    """The file as it was sent, to be saved: no browser shows it as a page."""
    found = await find_party(reading, caller, party)
    kept = _kept(found, document)
    try:
        pieces = await blobs.get(caller.tenant.slug, file_of(found, kept.id, kept.sha256))
    except NoBlobError:
        raise _no_document() from None
    headers = {
        "Content-Length": str(kept.size),
        "Content-Disposition": f'attachment; filename="{kept.id}"',
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(pieces, media_type=kept.media_type, headers=headers)


@router.delete("/documents/{document}", status_code=204, summary="Remove a document of KYC",
               responses=gone())  # fmt: skip
async def remove_document(
    party: str, document: str, caller: MayFile, reading: Reading, blobs: Blobs,
    change: Annotated[Changing, Depends(Raising("party.remove-document"))],
) -> Response:  # fmt: skip
    """Take a document off the file, and its file off the disk."""
    found = await find_party(reading, caller, party)
    kept = _kept(found, document)
    await change(caller, f"party/{found.id}", {"document": kept.id})
    await blobs.remove(caller.tenant.slug, file_of(found, kept.id, kept.sha256))
    return Response(status_code=204)


def file_of(party: Party, document: str, digest: str) -> str:
    """The name of a document's file: other content has another one, and replaces nothing."""
    return f"{party.id}/{document}/{digest}"


async def _give_up(
    reading: Read, caller: Caller, blobs: BlobStore, party: Party, document: AddDocument
) -> None:
    """Take away the file of a document that was refused, unless a repeat of it was not."""
    now = await find_party(reading, caller, party.id)
    kept = now.document(document.document)
    if kept is None or kept.sha256 != document.sha256:
        name = file_of(party, document.document, document.sha256)
        await blobs.remove(caller.tenant.slug, name)


def _kept(party: Party, document: str) -> Document:
    """A document of the party. Raises Problem document_not_found."""
    kept = party.document(document)
    if kept is None:
        raise _no_document()
    return kept


def _told(document: Document | AddDocument) -> tuple[Any, ...]:
    return (
        document.type, document.country, document.expires, document.sha256, document.media_type,
    )  # fmt: skip


def _named(space: UUID, caller: Caller, party: Party, key: str | None) -> str:
    named = f"{caller.tenant.slug}/{caller.client}/{party.id}/{key}"
    return str(uuid5(space, named) if key else mint())


def _no_document() -> Problem:
    return Problem("document_not_found", REFUSALS["document_not_found"], status=404)
