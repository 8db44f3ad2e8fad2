"""Tasks: what somebody of a role has to do, and saying that it is done."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from temporalio.service import RPCError

from api.fields import Line, identifier
from api.identity.administering import noted
from api.paging import Cursor, Limit, key_of, moment, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.tasks import postgres as tasks
from mmo.tasks.postgres import Task
from mmo.tenancy.scope import scoped
from workflows.support.signals import DONE

router = APIRouter(prefix="/tasks", tags=["tasks"])

MayRead = Annotated[Caller, Depends(requires("tasks:read"))]
MayWrite = Annotated[Caller, Depends(requires("tasks:write"))]
Id = Annotated[str, Path(min_length=36, max_length=36, description="The task's id.")]
State = Literal["open", "done"]


class Done(BaseModel):
    """What was seen to: every line of the checklist."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checklist: list[Annotated[str, Field(max_length=200), Line]] = Field(default=[], max_length=20)


class TaskSchema(BaseModel):
    """A task."""

    id: str
    title: str
    role: str
    escalated_to: str | None
    checklist: list[str]
    blocks: list[str]
    wallet: str | None
    event: str
    about: dict[str, Any]
    state: State
    opened_at: str
    due_at: str | None
    escalated_at: str | None
    done_at: str | None
    done_by: str | None


class TaskPage(BaseModel):
    """Tasks by id, and the cursor of the next page."""

    items: list[TaskSchema]
    next: str | None


def resource(task: Task) -> dict[str, Any]:
    """How a task looks."""
    return {
        "id": str(task.id),
        "title": task.title,
        "role": task.role,
        "escalated_to": task.escalated_to or None,
        "checklist": list(task.checklist),
        "blocks": list(task.blocks),
        "wallet": str(task.wallet) if task.wallet else None,
        "event": task.event,
        "about": dict(task.about),
        "state": task.state,
        "opened_at": moment(task.opened_at),
        "due_at": moment(task.due_at),
        "escalated_at": moment(task.escalated_at),
        "done_at": moment(task.done_at),
        "done_by": task.done_by,
    }


@router.get("", summary="List my tasks", responses=answers_with(TaskPage))
async def read_tasks(
    reading: Reading,
    caller: MayRead,
    state: Annotated[State | None, Query(description="Only open, or only done ones.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """The tasks that one's roles may do."""
    key = key_of(cursor)
    try:
        after = UUID(key) if key else None
    except ValueError:
        raise Problem("cursor_invalid") from None
    async with reading(caller) as connection:
        found = await tasks.listed(
            connection, caller.tenant.id, sorted(caller.roles), state, after, limit
        )
    return page_of([resource(one) for one in found], limit, found[-1].id if found else None)


@router.post("/{task}/complete", summary="Say that a task is done",
             responses=answers_with(TaskSchema))  # fmt: skip
async def complete(request: Request, task: Id, body: Done, caller: MayWrite) -> dict[str, Any]:
    """Do it. Safe to repeat: who did it first did it."""
    named = identifier(task)
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        found = await tasks.find(connection, caller.tenant.id, named)
        if found is None or not found.may(caller.roles):
            raise Problem("not_found")
        if missing := [line for line in found.checklist if line not in body.checklist]:
            raise Problem("checklist_incomplete", f"not ticked yet: {'; '.join(missing)}")
        done = await tasks.complete(
            connection, caller.tenant.id, found, caller.actor.subject, datetime.now(UTC)
        )
        if found.state == "open":
            await noted(connection, caller, "task.completed", f"task/{named}")
    await _signal(request, caller, named)
    return resource(done)


async def _signal(request: Request, caller: Caller, task: UUID) -> None:
    """Wake the workflow; one that misses it looks by itself within a day."""
    with suppress(RPCError, OSError, KeysAwayError, NoKeyError):
        client = await request.app.state.clients(caller.tenant)
        handle = client.get_workflow_handle(f"{caller.tenant.slug}/task/{task}")
        await handle.signal(DONE)
