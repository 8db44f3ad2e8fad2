"""The inbox: what one was told, marking it as read, and hearing of it at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from api.fields import identifier
from api.paging import Cursor, Limit, key_of, moment, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with, problems
from api.security import Caller, requires
from mmo.notifications import inbox
from mmo.notifications.bells import Bells
from mmo.notifications.inbox import Notice
from mmo.tenancy.scope import scoped

router = APIRouter(prefix="/notifications", tags=["notifications"])

MayRead = Annotated[Caller, Depends(requires("notifications:read"))]
Id = Annotated[str, Path(min_length=36, max_length=36, description="The notification's id.")]
STREAMS_MAX = 5
"""Streams of one user in one process."""
STREAM_S = 600.0
"""How long a stream lasts: a token that was taken back ends with it. Browsers come again."""
LOOK_S, PAGE_MAX = 5.0, 100


class NotificationSchema(BaseModel):
    """What one was told."""

    id: str
    topic: str
    text: str
    about: dict[str, Any] = Field(description="The event, and ids of what it was about.")
    created_at: str
    read_at: str | None


class NotificationPage(BaseModel):
    """Notifications, the newest first, and the cursor of the next page."""

    items: list[NotificationSchema]
    next: str | None


def resource(notice: Notice) -> dict[str, Any]:
    """How a notification looks."""
    return {
        "id": str(notice.id),
        "topic": notice.topic,
        "text": notice.text,
        "about": dict(notice.about),
        "created_at": moment(notice.created_at),
        "read_at": moment(notice.read_at),
    }


@router.get("", summary="List my notifications", responses=answers_with(NotificationPage))
async def read_notifications(
    reading: Reading,
    caller: MayRead,
    unread: Annotated[bool, Query(description="Only those that were not read.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """One's own inbox."""
    async with reading(caller) as connection:
        found = await inbox.newest(
            connection, caller.tenant.id, caller.actor.subject, unread=unread,
            before=_number(key_of(cursor)), limit=limit,
        )  # fmt: skip
    return page_of([resource(one) for one in found], limit, found[-1].seq if found else None)


@router.post("/{notification}/read", summary="Mark a notification as read",
             responses=answers_with(NotificationSchema))  # fmt: skip
async def read(request: Request, notification: Id, caller: MayRead) -> dict[str, Any]:
    """The first time counts."""
    named = identifier(notification)
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        found = await inbox.read(connection, caller.tenant.id, caller.actor.subject, named)
    if found is None:
        raise Problem("not_found")
    return resource(found)


async def listening(request: Request, caller: MayRead) -> AsyncIterator[asyncio.Event]:
    """A bell for the caller's inbox, while the stream lasts. Raises Problem busy."""
    bells: Bells = request.app.state.bells
    own = (int(caller.tenant.id), caller.actor.subject)
    if bells.count(own) >= STREAMS_MAX:
        raise Problem("busy", f"at most {STREAMS_MAX} streams of one user")
    with bells.bell(own) as bell:
        yield bell


@router.get(
    "/stream",
    summary="Hear of notifications at once",
    response_class=EventSourceResponse,
    responses=problems(),
)
async def stream(
    request: Request,
    caller: MayRead,
    bell: Annotated[asyncio.Event, Depends(listening)],
    last_event_id: Annotated[
        str | None, Header(description="Go on after this one.", pattern="^[0-9]{1,18}$")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: each new notification, and a sign of life every 15 seconds.

    The id of each event is the place in the inbox. It lasts ten minutes; who comes again with
    `Last-Event-ID` misses nothing.
    """
    pool, stopping = request.app.state.pool, request.app.state.stopping
    tenant, user = int(caller.tenant.id), caller.actor.subject
    async with scoped(pool, tenant) as connection:
        at = _number(last_event_id) or 0
        if last_event_id is None:
            at = await inbox.last(connection, tenant, user)
    yield ServerSentEvent(comment="listening")
    until = time.monotonic() + STREAM_S
    while time.monotonic() < until and not stopping.is_set():
        bell.clear()
        async with scoped(pool, tenant) as connection:
            found = await inbox.since(connection, tenant, user, at, PAGE_MAX)
        for notice in found:
            at = notice.seq
            yield ServerSentEvent(data=resource(notice), event="notification", id=str(at))
        if not found:
            await _rung(bell)


async def _rung(bell: asyncio.Event) -> None:
    """Wait for the bell; look every few seconds in any case."""
    try:
        async with asyncio.timeout(LOOK_S):
            await bell.wait()
    except TimeoutError:
        return


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Problem("cursor_invalid")
    return int(text)
