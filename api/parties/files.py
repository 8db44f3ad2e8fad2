"""What belongs to a party: the stores of a merchant, and the documents of KYC."""

import base64
import binascii
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.changing import Changing, ParkedError, Raising, changed, gone
from api.fields import Name, identifier
from api.headers import OptionalIdempotencyKey
from api.parties.routes import CHANGED, MayWrite, Opened, answer, find_party, today
from api.parties.schemas import FileSchema, KycDocumentSchema, PartySchema
from api.problems import Problem
from api.reading import Read, Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.changes.party_commands import document_body
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import REFUSALS
from mmo.parties.blobs import BlobStore, NoBlobError
from mmo.parties.commands import AddDocument
from mmo.parties.document import DOCUMENT_TYPES, MEDIA_TYPES, SIZE_MAX, Document
from mmo.parties.party import Party

router = APIRouter(prefix="/parties/{party}", tags=["parties"])

MayFile = Annotated[Caller, Depends(requires("parties:documents"))]
CONTENT_MAX = 60_000
"""Characters of base64 that are looked at; a body has 64 KiB at most."""
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


class KycDocumentBody(BaseModel):
    """A document of KYC, with its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[
        str,
        Field(json_schema_extra={"enum": list(DOCUMENT_TYPES)}, examples=["passport"]),
        AfterValidator(_known_type),
    ]
    country: Annotated[
        str, Field(pattern="^[A-Z]{2}$", description="Who issued it (ISO 3166).", examples=["KE"])
    ]
    expires: Annotated[date | None, Field(description="Its last day; else it has none.")] = None
    media_type: Literal["application/pdf", "image/jpeg", "image/png"]
    content: Annotated[
        str, Field(min_length=4, max_length=CONTENT_MAX, description="Base64, 40 KiB at most.")
    ]


assert set(MEDIA_TYPES) == {"application/pdf", "image/jpeg", "image/png"}


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
             responses=changed(KycDocumentSchema, 201))  # fmt: skip
async def add_document(
    party: str, body: KycDocumentBody, caller: MayFile, reading: Reading, blobs: Blobs,
    key: OptionalIdempotencyKey,
    change: Annotated[Changing, Depends(Raising("party.add-document"))],
) -> JSONResponse:  # fmt: skip
    """Put a document on file. With an Idempotency-Key it is added once."""
    found = await find_party(reading, caller, party)
    content = _content(body)
    document = AddDocument(
        document=_named(_DOCUMENTS, caller, found, key), type=body.type, country=body.country,
        expires=body.expires, sha256=sha256(content).hexdigest(), size=len(content),
        media_type=body.media_type,
    )  # fmt: skip
    name = file_of(found, document.document, document.sha256)
    await blobs.put(caller.tenant.slug, name, content)
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
            responses=answers_with(FileSchema))  # fmt: skip
async def read_document(
    party: str, document: str, caller: MayFile, reading: Reading, blobs: Blobs
) -> dict[str, Any]:
    """A document with its file; one that has expired says so."""
    found = await find_party(reading, caller, party)
    kept = found.document(document)
    if kept is None:
        raise _no_document()
    try:
        content = await blobs.get(caller.tenant.slug, file_of(found, kept.id, kept.sha256))
    except NoBlobError:
        raise _no_document() from None
    told = KycDocumentSchema.of(kept, today(caller)).model_dump(mode="json")
    return told | {"content": base64.b64encode(content).decode()}


@router.delete("/documents/{document}", status_code=204, summary="Remove a document of KYC",
               responses=gone())  # fmt: skip
async def remove_document(
    party: str, document: str, caller: MayFile, reading: Reading, blobs: Blobs,
    change: Annotated[Changing, Depends(Raising("party.remove-document"))],
) -> Response:  # fmt: skip
    """Take a document off the file, and its file off the disk."""
    found = await find_party(reading, caller, party)
    kept = found.document(document)
    if kept is None:
        raise _no_document()
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


def _content(body: KycDocumentBody) -> bytes:
    """The file. Raises Problem document_too_large or document_media_type."""
    try:
        content = base64.b64decode(body.content, validate=True)
    except (ValueError, binascii.Error):
        raise Problem("document_media_type") from None
    if len(content) > SIZE_MAX:
        raise Problem("document_too_large")
    if not content.startswith(MEDIA_TYPES[body.media_type]):
        raise Problem("document_media_type")
    return content


def _told(document: Document | AddDocument) -> tuple[Any, ...]:
    return (
        document.type, document.country, document.expires, document.sha256, document.media_type,
    )  # fmt: skip


def _named(space: UUID, caller: Caller, party: Party, key: str | None) -> str:
    named = f"{caller.tenant.slug}/{caller.client}/{party.id}/{key}"
    return str(uuid5(space, named) if key else mint())


def _no_document() -> Problem:
    return Problem("document_not_found", REFUSALS["document_not_found"], status=404)
