"""Tasks in Postgres: opened by reactions, done by whoever holds the role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.messaging.event import Event
from mmo.messaging.postgres import append

Connection = AsyncConnection[Any]

OPENED, ESCALATED, COMPLETED = (
    "mmo.task.opened.v1", "mmo.task.escalated.v1", "mmo.task.completed.v1",
)  # fmt: skip
_COLUMNS = """id, definition, title, role, escalated_to, checklist, blocks, wallet, event, about,
              state, opened_at, due_at, escalated_at, done_at, done_by, version"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as it stands."""

    id: UUID
    definition: UUID
    title: str
    role: str
    escalated_to: str
    checklist: Sequence[str]
    blocks: Sequence[str]
    wallet: UUID | None
    event: str
    about: Mapping[str, Any]
    state: str
    opened_at: datetime
    due_at: datetime | None
    escalated_at: datetime | None
    done_at: datetime | None
    done_by: str | None
    version: int

    def may(self, roles: frozenset[str]) -> bool:
        """Whether who holds these roles may do it."""
        return bool(roles & {self.role, self.escalated_to})


async def find(connection: Connection, tenant: int, identifier: UUID) -> Task | None:
    """One task."""
    cursor = connection.cursor(row_factory=class_row(Task))
    query = f"SELECT {_COLUMNS} FROM tasks.task WHERE tenant_id = %s AND id = %s"  # noqa: S608
    await cursor.execute(query.encode(), [tenant, identifier])
    return await cursor.fetchone()


async def listed(
    connection: Connection,
    tenant: int,
    roles: Sequence[str],
    state: str | None,
    after: UUID | None,
    limit: int,
) -> list[Task]:
    """The tasks that who holds these roles may do, by id."""
    cursor = connection.cursor(row_factory=class_row(Task))
    query = f"""SELECT {_COLUMNS} FROM tasks.task
                 WHERE tenant_id = %s AND (role = ANY (%s) OR escalated_to = ANY (%s))
                   AND (%s::text IS NULL OR state = %s) AND (%s::uuid IS NULL OR id > %s)
                 ORDER BY id LIMIT %s"""  # noqa: S608 - our own column list
    await cursor.execute(
        query.encode(),
        [tenant, list(roles), list(roles), state, state, after, after, limit],
    )
    return await cursor.fetchall()


async def open_task(connection: Connection, tenant: int, asked: Event, at: datetime) -> None:
    """Open the task that an event asks for, in the open transaction; a repeat does nothing."""
    data: Mapping[str, Any] = asked.data["data"]
    due_s = data.get("sla_seconds")
    cursor = await connection.execute(
        """INSERT INTO tasks.task (tenant_id, id, definition, title, role, checklist, blocks,
                                   wallet, event, about, opened_at, due_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [
            tenant, asked.id, UUID(asked.data["caused_by"]["definition"]), data["title"],
            data["assignee_role"], list(data["checklist"]), list(data["blocks"]), data["wallet"],
            data["event"], Jsonb(data["about"]), at,
            at + timedelta(seconds=due_s) if due_s else None,
        ],
    )  # fmt: skip
    if cursor.rowcount:
        told = {"title": data["title"], "role": data["assignee_role"], "event": data["event"]}
        await _tell(connection, tenant, asked.id, 1, OPENED, asked.actor, at, told)


async def escalate(connection: Connection, tenant: int, asked: Event, at: datetime) -> bool:
    """Let the other role do it too, and tell, once. False where the task is done."""
    role = asked.data["data"].get("escalate_to") or ""
    cursor = await connection.execute(
        """UPDATE tasks.task SET escalated_to = %s, escalated_at = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s AND state = 'open' AND escalated_at IS NULL
        RETURNING version, role, title""",
        [role, at, tenant, asked.id],
    )
    row = await cursor.fetchone()
    if row is not None:
        told = {"title": row[2], "role": row[1], "escalated_to": role}
        await _tell(connection, tenant, asked.id, row[0], ESCALATED, asked.actor, at, told)
    found = await find(connection, tenant, asked.id)
    return found is not None and found.state == "open"


async def complete(connection: Connection, tenant: int, task: Task, by: str, at: datetime) -> Task:
    """Do it, and tell. One that is done stays as it is."""
    cursor = await connection.execute(
        """UPDATE tasks.task SET state = 'done', done_at = %s, done_by = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s AND state = 'open' RETURNING version""",
        [at, by, tenant, task.id],
    )
    row = await cursor.fetchone()
    if row is not None:
        told = {"title": task.title, "role": task.role, "checklist": list(task.checklist)}
        await _tell(connection, tenant, task.id, row[0], COMPLETED, by, at, told)
    done = await find(connection, tenant, task.id)
    assert done is not None, "tasks are never deleted"
    return done


async def _tell(
    connection: Connection,
    tenant: int,
    task: UUID,
    version: int,
    kind: str,
    actor: str,
    at: datetime,
    data: Mapping[str, Any],
) -> None:
    event = Event(
        tenant_id=tenant, id=uuid5(task, kind), aggregate="task", aggregate_id=task,
        version=version, type=kind, actor=actor, occurred_at=at, data=data,
    )  # fmt: skip
    await append(connection, [event])
