"""Timelines: what happened to a movement, line by line, for longer than Temporal remembers."""

from collections.abc import Iterator, Mapping, Sequence
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

RESERVED = 1001
"""The number of a first step that was set aside; the step itself comes when it is settled."""
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
        record = data["record"]
        if event.version == RESERVED or (event.version == 1 and not record.get("approvals")):
            asked = datetime.fromisoformat(data["requested_at"])
            about = {"client": data["client"], "amount": data["amount"], "parties": data["parties"]}
            yield asked, "requested", f"{data['type']} requested", event.actor, Jsonb(about)
        decided = datetime.fromisoformat(record["decided_at"])
        yield decided, "decided", f"decided: {data['outcome']}", None, Jsonb(record)
        for said in record.get("rules", ()):
            yield decided, "rule", _in_words(said), None, Jsonb(said)
        about = {name: data[name] for name in ("journal", "state", "refusal", "detail", "legs")}
        title = f"{data['outcome']}: {event.type}"
        yield event.occurred_at, data["outcome"], title, None, Jsonb(about)
    elif event.aggregate == "approval" and data["kind"] == "movement":
        yield event.occurred_at, "approval", _told(event), data.get("subject"), Jsonb(data)
    elif event.aggregate == "history":
        for told in data["timeline"]:
            at = datetime.fromisoformat(told["at"])
            yield at, told["kind"], told["title"], told.get("actor"), Jsonb(told["detail"])


def _in_words(said: Mapping[str, Any]) -> str:
    """What one rule said, for people."""
    shadow = ", a shadow" if said["mode"] == "shadow" else ""
    rule = f"{said['processor']} (version {said['version']}{shadow})"
    match said["verdict"]:
        case "refuse":
            return f"{rule} refused: {said['reason']}"
        case "require_approval":
            roles = " and ".join(" or ".join(ask["roles"]) for ask in said["asks"])
            return f"{rule} asked for the approval of {roles}: {said['reason']}"
        case _:
            return f"{rule} allowed it"


def _told(event: Event) -> str:
    """What happened to an approval, for people."""
    what = event.type.split(".")[2]
    roles = " or ".join(event.data.get("awaited") or event.data["roles"])
    words = {
        "requested": f"approval asked of {roles}",
        "reminded": f"{roles} reminded",
        "escalated": f"approval asked of {roles} too",
        "approved-by-one": f"{event.actor} agreed",
        "rejected-by-one": f"{event.actor} declined",
        "cancelled-by-one": f"{event.actor} took it back",
    }
    return words.get(what, what)


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
