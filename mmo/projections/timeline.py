"""Timelines: what happened to a movement, line by line, for longer than Temporal remembers."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.database.columns import MOMENT
from mmo.messaging.event import Event

LINES_MAX = 1000
"""Lines that one read answers with."""


class TimelineView(SQLModel, table=True):
    """One line of a movement's timeline."""

    __tablename__ = "timeline_view"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"schema": "projections"}

    tenant_id: int = Field(primary_key=True)
    movement_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    line: int = Field(primary_key=True)
    at: datetime = Field(sa_type=MOMENT)
    kind: str
    title: str
    actor: str | None
    detail: dict[str, Any] = Field(sa_type=JSONB)


async def project(connection: AsyncConnection[Any], events: Sequence[Event]) -> None:
    """Append the lines that each event tells."""
    rows = [
        (event.tenant_id, event.aggregate_id, event.xid, event.version * 1000 + number, *line)
        for event in events
        for number, line in enumerate(_lines(event))
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO timeline_view
               (tenant_id, movement_id, position, line, at, kind, title, actor, detail)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            rows,
        )


def _lines(event: Event) -> Iterator[tuple[datetime, str, str, str | None, Jsonb]]:
    data = event.data
    if event.aggregate == "movement":
        if event.version in {1, 1001}:
            asked = datetime.fromisoformat(data["requested_at"])
            about = {"client": data["client"], "amount": data["amount"], "parties": data["parties"]}
            yield asked, "requested", f"{data['type']} requested", event.actor, Jsonb(about)
        record = data["record"]
        decided = datetime.fromisoformat(record["decided_at"])
        yield decided, "decided", f"decided: {data['outcome']}", None, Jsonb(record)
        about = {name: data[name] for name in ("journal", "state", "refusal", "detail", "legs")}
        title = f"{data['outcome']}: {event.type}"
        yield event.occurred_at, data["outcome"], title, None, Jsonb(about)
    elif event.aggregate == "history":
        for told in data["timeline"]:
            at = datetime.fromisoformat(told["at"])
            yield at, told["kind"], told["title"], told.get("actor"), Jsonb(told["detail"])


async def timeline(session: AsyncSession, tenant: int, movement: UUID) -> Sequence[TimelineView]:
    """Read a movement's timeline, the oldest line first."""
    view: Any = TimelineView
    wanted = (
        select(TimelineView)
        .where(view.tenant_id == tenant, view.movement_id == movement)
        .order_by(view.at, view.position, view.line)
        .limit(LINES_MAX)
    )
    return (await session.exec(wanted)).all()
