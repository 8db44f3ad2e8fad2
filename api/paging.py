"""What reads share: the session, the position a reader waits for, pages and moments."""

import base64
import binascii
import re
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response
from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError
from sqlmodel.ext.asyncio.session import AsyncSession

from api.problems import Problem
from api.security import Caller, authenticated
from mmo.projections.support.position import reached
from mmo.tenancy.session import scoped_session

MOMENT = (
    "a moment is written with its zone, such as 2026-11-24T12:00:00Z;"
    " in an address the + of a zone is written %2B, as in 2026-11-24T15:00:00%2B03:00"
)
POSITION_DIGITS_MAX = 18
LIMIT_MAX = 200
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


async def session(
    request: Request, caller: Annotated[Caller, Depends(authenticated)]
) -> AsyncGenerator[AsyncSession]:
    """A session for reading, on the caller's engine: a transaction of the tenant it is about."""
    state = request.app.state
    engine = state.super_engine if caller.visiting else state.engine
    async with scoped_session(engine, caller.tenant.id) as opened:
        yield opened


async def up_to_date(
    request: Request,
    response: Response,
    if_projected: Annotated[
        str | None,
        Header(
            description="The Projection-Position of an earlier answer: read your own writes.",
            json_schema_extra={"pattern": "^[0-9]{1,18}$"},
        ),
    ] = None,
) -> int:
    """Wait until the read models hold the caller's own writes, and say how far they are.

    Raises Problem position_invalid, or projection_behind after two seconds.
    """
    wanted = 0
    if if_projected is not None:
        digits = if_projected.isascii() and if_projected.isdigit()
        if not digits or len(if_projected) > POSITION_DIGITS_MAX:
            raise Problem("position_invalid")
        wanted = int(if_projected)
    now = await reached(request.app.state.pool, wanted)
    if now < wanted:
        raise Problem("projection_behind")
    response.headers["Projection-Position"] = str(now)
    return now


def _rfc3339(written: object) -> object:
    if not isinstance(written, str) or not _RFC3339.fullmatch(written):
        raise PydanticCustomError("moment_invalid", MOMENT)
    return written


Session = Annotated[AsyncSession, Depends(session)]
Position = Annotated[int, Depends(up_to_date)]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Rows of a page.")]
Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
"""A moment with its zone; a number of seconds, which pydantic would take too, is none."""
Since = Annotated[Moment | None, Query(alias="from", description="From this moment on (RFC 3339).")]
Until = Annotated[Moment | None, Query(alias="to", description="Before this moment.")]
Cursor = Annotated[
    str | None, Query(max_length=80, description="`next` of the page before this one.")
]


def cursor_of(key: object) -> str:
    """Name the last row of a page."""
    return base64.urlsafe_b64encode(f"v1:{key}".encode()).rstrip(b"=").decode()


def key_of(cursor: str | None) -> str | None:
    """Read a cursor again. Raises Problem cursor_invalid."""
    if cursor is None:
        return None
    try:
        told = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        version, _, key = told.decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        raise Problem("cursor_invalid") from None
    if version != "v1" or not key.isprintable() or not key:
        raise Problem("cursor_invalid")
    return key


def page_of(rows: list[dict[str, Any]], limit: int, key: object) -> dict[str, Any]:
    """A page: its rows, and the cursor of the next one where there may be one."""
    return {"items": rows, "next": cursor_of(key) if len(rows) == limit and rows else None}


def moment(at: datetime | None) -> str | None:
    """A moment on the wire."""
    return at.isoformat() if at else None
