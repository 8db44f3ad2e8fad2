"""Live figures: what moved by the minute, read at once or heard of as it happens."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from api.paging import Position, Session, Since, Until, moment
from api.problems import Problem
from api.schemas import answers_with, problems
from api.security import Caller, requires
from mmo.kernel.money import Money
from mmo.projections.figures import FigureView, figures
from mmo.tenancy.session import scoped_session

router = APIRouter(prefix="/figures", tags=["books"])

MayRead = Annotated[Caller, Depends(requires("figures:read"))]
SPAN, SPAN_MAX = timedelta(hours=1), timedelta(days=2)
LOOK_S, STREAM_S, STREAMS_MAX = 1.0, 600.0, 5
Kind = Annotated[str | None, Query(alias="type", max_length=60, description="Only of this type.")]


class FigureSchema(BaseModel):
    """Movements of one minute, type and currency."""

    minute: datetime
    type: str
    currency: str
    refusal: str | None = Field(description="What they were refused for; null: posted.")
    movements: int
    value: str
    fees: str
    taxes: str


class FiguresSchema(BaseModel):
    """Minutes of a span, the oldest first; those in which nothing happened are left out."""

    items: list[FigureSchema]


@router.get("", summary="Read figures by the minute", responses=answers_with(FiguresSchema))
async def read_figures(
    caller: MayRead,
    session: Session,
    _: Position,
    since: Since = None,
    until: Until = None,
    kind: Kind = None,
) -> dict[str, Any]:
    """Of a span of at most two days; else of the last hour."""
    last = until or datetime.now(UTC)
    first = since or last - SPAN
    if not first < last <= first + SPAN_MAX:
        raise Problem("validation", "a span ends after it begins, within two days", status=422)
    found = await figures(session, caller.tenant.id, first, last, kind)
    return {"items": [_figure(one) for one in found]}


async def _streaming(request: Request, caller: MayRead) -> AsyncIterator[None]:
    """A place among the streams of a tenant. Raises Problem busy."""
    taken: dict[int, int] = request.app.state.__dict__.setdefault("figure_streams", {})
    own = int(caller.tenant.id)
    if taken.get(own, 0) >= STREAMS_MAX:
        raise Problem("busy", f"at most {STREAMS_MAX} streams of one operator")
    taken[own] = taken.get(own, 0) + 1
    try:
        yield
    finally:
        taken[own] -= 1


@router.get(
    "/stream",
    summary="Hear of figures as they change",
    response_class=EventSourceResponse,
    responses=problems(),
)
async def stream(
    request: Request, caller: MayRead, _: Annotated[None, Depends(_streaming)]
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: the rows of the last two minutes whenever they changed. Ten minutes."""
    engine = request.app.state.engine
    stopping: asyncio.Event = request.app.state.stopping
    tenant, told = caller.tenant.id, 0
    yield ServerSentEvent(comment="listening")
    until = time.monotonic() + STREAM_S
    while time.monotonic() < until and not stopping.is_set():
        now = datetime.now(UTC)
        async with scoped_session(engine, tenant) as session:
            found = await figures(session, tenant, now - timedelta(minutes=2), now, None)
        news = [one for one in found if one.position > told]
        if news:
            told = max(one.position for one in news)
            yield ServerSentEvent(data={"items": _rows(news)}, event="figures", id=str(told))
        await asyncio.sleep(LOOK_S)


def _rows(found: Sequence[FigureView]) -> list[dict[str, Any]]:
    return [_figure(one) for one in found]


def _figure(one: FigureView) -> dict[str, Any]:
    return {
        "minute": moment(one.minute),
        "type": one.type,
        "currency": one.currency,
        "refusal": one.refusal or None,
        "movements": one.movements,
        "value": Money(one.value, one.currency).value,
        "fees": Money(one.fees, one.currency).value,
        "taxes": Money(one.taxes, one.currency).value,
    }
