"""The row of each change in Postgres."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.approvals.awaited import Awaited, binding
from mmo.changes.support.asked import Asked
from mmo.changes.support.registry import kinds
from mmo.kernel.envelope import Actor

_SELECT = """SELECT id, event, object, body, maker, state, asks, record, refusal, asked_at, ended_at
               FROM changes.change WHERE tenant_id = %s """


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change, and what has become of it."""

    id: UUID
    event: str
    object: str
    body: dict[str, Any]
    maker: dict[str, Any]
    state: str
    """`pending`, `done` or `refused`."""
    asks: list[dict[str, Any]]
    record: dict[str, Any]
    refusal: Mapping[str, str] | None
    asked_at: datetime
    ended_at: datetime | None

    def asked(self, tenant: str, tenant_id: int) -> Asked:
        """The command that it was; whole as long as it waits."""
        return Asked(
            tenant=tenant, tenant_id=tenant_id, id=self.id, event=self.event, object=self.object,
            body=self.body, actor=actor_of(self.maker),
        )  # fmt: skip


def actor_of(maker: Mapping[str, Any]) -> Actor:
    """Read what `write` kept of whoever asked."""
    return Actor(
        subject=maker["subject"], client=maker["client"], roles=tuple(maker["roles"]),
        attributes=maker["attributes"], act=tuple(maker["act"]),
    )  # fmt: skip


def awaited_of(asked: Asked, asks: list[dict[str, Any]]) -> Awaited:
    """What a change that waits asks people for."""
    kind = kinds()[asked.event]
    return Awaited(
        tenant=asked.tenant,
        tenant_id=asked.tenant_id,
        kind="change",
        id=str(asked.id),
        event=asked.event,
        about=binding(
            "change", asked.event, str(asked.id), {"object": asked.object, "body": asked.body}
        ),
        maker=asked.actor,
        asks=tuple(asks),
        summary={
            "type": asked.event,
            "title": kind.raises.title,
            "object": asked.object,
            "body": kind.shown(asked.body),
        },
    )


async def find(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID, *, lock: bool = False
) -> Change | None:
    """One change; `lock`: it stays as it is until the transaction ends."""
    cursor = connection.cursor(row_factory=class_row(Change))
    sql = _SELECT + "AND id = %s" + (" FOR UPDATE" if lock else "")
    await cursor.execute(sql.encode(), [tenant, identifier])
    return await cursor.fetchone()


async def write(
    connection: AsyncConnection[Any], asked: Asked, state: str, record: Mapping[str, Any], *,
    asks: list[dict[str, Any]] | None = None, refusal: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Write what has become of a change. What is personal stays only while it waits."""
    body = asked.body if state == "pending" else kinds()[asked.event].shown(asked.body)
    await connection.execute(
        """INSERT INTO changes.change AS c
           (tenant_id, id, event, object, body, maker, state, asks, record, refusal, ended_at)
           VALUES (%(tenant)s, %(id)s, %(event)s, %(object)s, %(body)s, %(maker)s, %(state)s,
                   %(asks)s, %(record)s, %(refusal)s,
                   CASE WHEN %(state)s <> 'pending' THEN now() END)
           ON CONFLICT (tenant_id, id) DO UPDATE
              SET object = excluded.object, body = excluded.body, state = excluded.state,
                  asks = excluded.asks, record = excluded.record, refusal = excluded.refusal,
                  ended_at = excluded.ended_at
            WHERE c.state = 'pending'""",
        {
            "tenant": asked.tenant_id, "id": asked.id, "event": asked.event,
            "object": asked.object, "body": Jsonb(body), "maker": Jsonb(asdict(asked.actor)),
            "state": state, "asks": Jsonb(asks or []), "record": Jsonb(dict(record)),
            "refusal": Jsonb(dict(refusal)) if refusal else None,
        },
    )  # fmt: skip


async def forgotten(
    connection: AsyncConnection[Any], tenant: int, older_s: float, limit: int
) -> list[Change]:
    """Changes that wait, though nothing has asked anybody yet: their workflow never began."""
    cursor = connection.cursor(row_factory=class_row(Change))
    await cursor.execute(
        _SELECT
        + """AND state = 'pending' AND asked_at < now() - make_interval(secs => %s)
             AND NOT EXISTS (SELECT FROM approvals.approval a
                              WHERE a.tenant_id = change.tenant_id AND a.id = change.id)
             ORDER BY id LIMIT %s""",
        [tenant, older_s, limit],
    )
    return await cursor.fetchall()


async def waiting(
    connection: AsyncConnection[Any], tenant: int, after: UUID, limit: int
) -> list[Change]:
    """Changes that wait, in the order of their ids."""
    cursor = connection.cursor(row_factory=class_row(Change))
    await cursor.execute(
        (_SELECT + "AND state = 'pending' AND id > %s ORDER BY id LIMIT %s").encode(),
        [tenant, after, limit],
    )
    return await cursor.fetchall()
