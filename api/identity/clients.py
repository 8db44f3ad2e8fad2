"""Clients: programs that ask for tokens. A secret is shown once."""

from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from api.changing import Changing, Raising, changed
from api.fields import Name
from api.identity.administering import (
    Attributes,
    MayRead,
    MayWrite,
    Scopes,
    Version,
    within,
)
from api.identity.schemas import ClientPage, ClientSchema
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from mmo.identity import clients
from mmo.identity.clients import CLIENT as CLIENT_CREDENTIALS
from mmo.identity.clients import GRANTS, PIN, Client

router = APIRouter(prefix="/identity/clients", tags=["identity"])

KEYS_MAX = 4
_ID = r"^[a-z0-9][a-z0-9._-]{1,62}$"
Identifier = Annotated[str, Path(pattern=_ID)]


def return_address(written: str) -> str:
    """An address that a log-in may come back to. Raises ValueError."""
    parts = urlsplit(written)
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    fine = parts.netloc and "@" not in parts.netloc and not parts.fragment and not parts.query
    if not fine or not (parts.scheme == "https" or local):
        raise ValueError("a return address is https, or http on this machine, without query")
    return written


def _known_grants(named: list[str]) -> list[str]:
    if not set(named) <= set(GRANTS):
        raise ValueError(f"grants are {', '.join(GRANTS)}")
    return sorted(set(named))


class PublicKey(BaseModel):
    """A client's own key: P-256, public half only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    y: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    kid: Annotated[str, Field(min_length=1, max_length=80)]
    alg: Literal["ES256"] = "ES256"
    use: Literal["sig"] = "sig"


class NewClient(BaseModel):
    """A new client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=_ID, examples=["payroll"])]
    name: Name
    kind: Literal["confidential", "public"]
    grants: Annotated[list[str], Field(max_length=len(GRANTS)), AfterValidator(_known_grants)]
    scopes: Scopes
    redirect_uris: Annotated[
        list[Annotated[str, Field(max_length=200), AfterValidator(return_address)]],
        Field(max_length=10),
    ] = []
    trusted_channel: Annotated[
        bool, Field(description="An app or USSD of the operator's own: it may send PINs.")
    ] = False
    attributes: Attributes = {}
    keys: Annotated[
        list[PublicKey], Field(max_length=KEYS_MAX, description="For private_key_jwt.")
    ] = []

    @model_validator(mode="after")
    def _fits(self) -> "NewClient":
        if self.kind == "public" and ({CLIENT_CREDENTIALS, PIN} & set(self.grants) or self.keys):
            raise ValueError("a public client proves nothing: it logs people in by code only")
        if PIN in self.grants and not self.trusted_channel:
            raise ValueError("PINs come through a trusted channel only")
        return self


class ClientChange(BaseModel):
    """What a client may do from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["active", "suspended", "closed"]
    scopes: Scopes


def resource(client: Client) -> dict[str, Any]:
    """How a client looks to an administrator."""
    return asdict(client) | {"created_at": client.created_at.isoformat()}


@router.post("", status_code=201, summary="Create a client", responses=changed(ClientSchema, 201))
async def create(
    body: NewClient, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("api-client.create"))],
) -> JSONResponse:  # fmt: skip
    """Create a client. Its secret is in this answer and nowhere else."""
    within(caller, body.scopes)
    asked = body.model_dump(exclude={"id", "keys"})
    keys = {"keys": [key.model_dump() for key in body.keys]} if body.keys else None
    carried = await change(caller, f"client/{body.id}", {**asked, "jwks": keys})
    return _answer(carried.result, 201, carried.secret)


@router.get("", summary="List clients", responses=answers_with(ClientPage))
async def list_clients(
    reading: Reading, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """A page of clients."""
    async with reading(caller) as connection:
        found = await clients.listed(connection, caller.tenant.id, key_of(cursor), limit)
    return page_of([resource(one) for one in found], limit, found[-1].id if found else None)


@router.get("/{client}", summary="Read a client", responses=answers_with(ClientSchema))
async def read(reading: Reading, client: Identifier, caller: MayRead) -> JSONResponse:
    """One client, without its secret."""
    async with reading(caller) as connection:
        return _answer(await _there(connection, caller.tenant.id, client))


@router.put("/{client}", summary="Change a client", responses=changed(ClientSchema, 200, 412))
async def put(
    reading: Reading, client: Identifier, body: ClientChange, caller: MayWrite, version: Version,
    change: Annotated[Changing, Depends(Raising("api-client.change"))],
) -> JSONResponse:  # fmt: skip
    """Change state and scopes; its tokens feel it at their next use."""
    async with reading(caller) as connection:
        before = await _there(connection, caller.tenant.id, client)
    within(caller, body.scopes, before.scopes)
    asked = {**body.model_dump(), "version": version}
    return _answer((await change(caller, f"client/{client}", asked)).result)


@router.post(
    "/{client}/secret", status_code=201, summary="Give a client a new secret",
    responses=changed(ClientSchema, 201),
)  # fmt: skip
async def renew(
    client: Identifier, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("api-client.renew-secret"))],
) -> JSONResponse:  # fmt: skip
    """A new secret, shown once. The old one counts no more."""
    carried = await change(caller, f"client/{client}")
    return _answer(carried.result, 201, carried.secret)


async def _there(connection: Any, tenant: int, client: str) -> Client:
    found = await clients.find(connection, tenant, client)
    if found is None:
        raise Problem("not_found")
    return found


def _answer(client: Client, status: int = 200, secret: str | None = None) -> JSONResponse:
    told = resource(client) | ({"secret": secret} if secret else {})
    headers = {"ETag": f'"{client.version}"'} | ({"Cache-Control": "no-store"} if secret else {})
    return JSONResponse(told, status, headers=headers)
