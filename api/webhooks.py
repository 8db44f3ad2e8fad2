"""Webhooks: the endpoints of an operator's programs, their secrets, and what was delivered."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field

from api.changing import Changing, Raising, changed
from api.fields import identifier
from api.paging import Cursor, Limit, key_of, moment, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.kernel.identifiers import mint
from mmo.keys.envelope import Envelope
from mmo.movements.support.business_events import business_events
from mmo.notifications import webhooks
from mmo.notifications.addresses import URL_MAX, UnsafeAddressError, resolved, target_of
from mmo.notifications.webhooks import Delivery, Endpoint
from mmo.settings import Settings

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

MayRead = Annotated[Caller, Depends(requires("webhooks:read"))]
MayWrite = Annotated[Caller, Depends(requires("webhooks:write"))]
Id = Annotated[str, Path(min_length=36, max_length=36, description="The endpoint's id.")]
DeliveryId = Annotated[str, Path(min_length=36, max_length=36, description="The delivery's id.")]
DeliveryState = Literal["queued", "delivered", "dead"]
EVENTS_MAX = 100


class NewEndpoint(BaseModel):
    """Where a program wants to hear of events."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        max_length=URL_MAX, description="https, port 443 or 8443, a public host.",
        examples=["https://hooks.example.com/mmo"],
    )  # fmt: skip
    description: str = Field(default="", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
    events: list[Annotated[str, Field(max_length=80)]] = Field(
        default=[], max_length=EVENTS_MAX,
        description="Names of business events; empty: all that rules send.",
    )  # fmt: skip


class EndpointSchema(BaseModel):
    """An endpoint. Its secret is shown once, when it is made."""

    id: str
    url: str
    description: str
    events: list[str]
    state: Literal["active", "disabled"]
    disabled_because: Literal["asked", "gone"] | None = Field(
        description="`gone`: its receiver answered 410."
    )
    former_secret_until: str | None
    created_by: str
    created_at: str


class EndpointWithSecret(EndpointSchema):
    """An endpoint with its new secret, which is never shown again."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class EndpointPage(BaseModel):
    """Endpoints by id, and the cursor of the next page."""

    items: list[EndpointSchema]
    next: str | None


class DeliverySchema(BaseModel):
    """One message for an endpoint, and how the last try went."""

    id: str = Field(description="The header webhook-id of every try.")
    state: DeliveryState
    tries: int
    due_at: str
    status: int | None = Field(description="Of the last answer.")
    said: str = Field(description="The beginning of the last answer, or why there was none.")
    created_at: str


class DeliveryPage(BaseModel):
    """Deliveries by id, and the cursor of the next page."""

    items: list[DeliverySchema]
    next: str | None


def resource(endpoint: Endpoint) -> dict[str, Any]:
    """How an endpoint looks."""
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "state": endpoint.state,
        "disabled_because": endpoint.disabled_because or None,
        "former_secret_until": moment(endpoint.former_until),
        "created_by": endpoint.created_by,
        "created_at": moment(endpoint.created_at),
    }


def delivery_resource(delivery: Delivery) -> dict[str, Any]:
    """How a delivery looks."""
    return {
        "id": str(delivery.id),
        "state": delivery.state,
        "tries": delivery.tries,
        "due_at": moment(delivery.due_at),
        "status": delivery.status,
        "said": delivery.said,
        "created_at": moment(delivery.created_at),
    }


@router.get("", summary="List webhook endpoints", responses=answers_with(EndpointPage))
async def read_endpoints(
    reading: Reading, caller: MayRead, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """Every endpoint, by id."""
    async with reading(caller) as connection:
        found = await webhooks.endpoints(connection, caller.tenant.id, _after(cursor), limit)
    return page_of([resource(one) for one in found], limit, found[-1].id if found else None)


@router.post("", summary="Register a webhook endpoint", status_code=201,
             responses=changed(EndpointWithSecret, 201))  # fmt: skip
async def register(
    request: Request, body: NewEndpoint, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("webhook.register"))],
) -> JSONResponse:  # fmt: skip
    """Register an endpoint. The answer shows its secret, this once."""
    await _check(request, body)
    endpoint, secret = mint(), webhooks.new_secret()
    sealed = await _sealed(request, caller, endpoint, secret)
    carried = await change(caller, f"webhook/{endpoint}", body.model_dump(), unkept=sealed)
    return JSONResponse(resource(carried.result) | {"secret": secret}, status_code=201)


@router.get("/{endpoint}", summary="Read a webhook endpoint",
            responses=answers_with(EndpointSchema))  # fmt: skip
async def read_endpoint(reading: Reading, endpoint: Id, caller: MayRead) -> dict[str, Any]:
    """One endpoint."""
    async with reading(caller) as connection:
        return resource(await _found(connection, caller, identifier(endpoint)))


@router.delete("/{endpoint}", summary="Disable a webhook endpoint",
               responses=changed(EndpointSchema))  # fmt: skip
async def disable(
    reading: Reading, endpoint: Id, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("webhook.disable"))],
) -> dict[str, Any]:  # fmt: skip
    """Send nothing more to it. A second time nothing happens."""
    named = identifier(endpoint)
    async with reading(caller) as connection:
        before = await _found(connection, caller, named)
    if before.state != "active":
        return resource(before)
    return resource((await change(caller, f"webhook/{named}")).result)


@router.post("/{endpoint}/rotate-secret", summary="Give a webhook endpoint a new secret",
             responses=changed(EndpointWithSecret))  # fmt: skip
async def rotate(
    request: Request, endpoint: Id, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("webhook.rotate-secret"))],
) -> dict[str, Any]:  # fmt: skip
    """Make another secret, shown this once. For 24 hours the former one signs too."""
    named, secret = identifier(endpoint), webhooks.new_secret()
    sealed = await _sealed(request, caller, named, secret)
    carried = await change(caller, f"webhook/{named}", unkept=sealed)
    return resource(carried.result) | {"secret": secret}


@router.post("/{endpoint}/ping", summary="Send a webhook endpoint a test message",
             status_code=202, responses=changed(DeliverySchema, 202))  # fmt: skip
async def ping(
    endpoint: Id, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("webhook.ping"))],
) -> JSONResponse:  # fmt: skip
    """Queue a signed message of type `webhook.ping`; its delivery tells what became of it."""
    carried = await change(caller, f"webhook/{identifier(endpoint)}", {"delivery": str(mint())})
    return JSONResponse(delivery_resource(carried.result), status_code=202)


@router.get("/{endpoint}/deliveries", summary="List what was delivered to an endpoint",
            responses=answers_with(DeliveryPage))  # fmt: skip
async def read_deliveries(
    reading: Reading,
    endpoint: Id,
    caller: MayRead,
    state: Annotated[DeliveryState | None, Query(description="`dead`: given up.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Deliveries by id."""
    named = identifier(endpoint)
    async with reading(caller) as connection:
        await _found(connection, caller, named)
        found = await webhooks.deliveries(
            connection, caller.tenant.id, named, state, _after(cursor), limit
        )
    rows = [delivery_resource(one) for one in found]
    return page_of(rows, limit, found[-1].id if found else None)


@router.post("/{endpoint}/deliveries/{delivery}/redeliver", summary="Deliver once more",
             status_code=202, responses=changed(DeliverySchema, 202))  # fmt: skip
async def redeliver(
    endpoint: Id, delivery: DeliveryId, caller: MayWrite,
    change: Annotated[Changing, Depends(Raising("webhook.redeliver"))],
) -> JSONResponse:  # fmt: skip
    """Queue a delivery again, such as a dead letter: under its id, as it was."""
    asked = {"delivery": str(identifier(delivery))}
    carried = await change(caller, f"webhook/{identifier(endpoint)}", asked)
    return JSONResponse(delivery_resource(carried.result), status_code=202)


async def _check(request: Request, body: NewEndpoint) -> None:
    """Raise Problem webhook_address or validation."""
    settings: Settings = request.app.state.settings
    own = frozenset({urlsplit(settings.issuer).hostname or ""})
    try:
        target = target_of(body.url, loopback=settings.webhook_loopback, own=own)
        await resolved(target, loopback=settings.webhook_loopback)
    except UnsafeAddressError as error:
        raise Problem("webhook_address", str(error)) from None
    except OSError:
        raise Problem("webhook_address", "the host is not known") from None
    known = business_events().kinds
    if unknown := sorted(set(body.events) - set(known)):
        raise Problem("validation", f"there is no event {unknown[0]}")


async def _sealed(request: Request, caller: Caller, endpoint: UUID, secret: str) -> str:
    envelope: Envelope = request.app.state.envelope
    return await envelope.seal_text(
        caller.tenant.slug, webhooks.PURPOSE, webhooks.context_of(endpoint), secret
    )


async def _found(connection: AsyncConnection[Any], caller: Caller, endpoint: UUID) -> Endpoint:
    found = await webhooks.endpoint(connection, caller.tenant.id, endpoint)
    if found is None:
        raise Problem("not_found")
    return found


def _after(cursor: str | None) -> UUID | None:
    key = key_of(cursor)
    try:
        return UUID(key) if key else None
    except ValueError:
        raise Problem("cursor_invalid") from None
