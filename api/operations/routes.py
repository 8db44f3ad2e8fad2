"""Routes of operations: which movements do not go on, and mending one."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from temporalio.service import RPCError

from api.operations.mender import Finding, Mender
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from api.start import Clients
from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.movements.support import stuck
from mmo.movements.support.commands import CommandRow, Commands
from mmo.tenancy.scope import scoped

router = APIRouter(prefix="/operations", tags=["operations"])

MayRead = Annotated[Caller, Depends(requires("operations:read"))]
MayMend = Annotated[Caller, Depends(requires("operations:mend"))]


class StuckMovementSchema(BaseModel):
    """A movement whose process does not go on."""

    movement_id: UUID
    type: str
    state: str
    reason: Literal["task_fails", "ended", "paused", "overdue"]
    detail: str
    since: datetime
    mends: int = Field(description="How often it was mended since then.")
    mended_at: datetime | None = None


class StuckMovementsSchema(BaseModel):
    """Those of the tenant, the oldest first, at most 200."""

    items: list[StuckMovementSchema]


class MendSchema(BaseModel):
    """What was done, in words."""

    movement_id: UUID
    done: str


@router.get("/stuck", summary="List movements that do not go on",
            responses=answers_with(StuckMovementsSchema))  # fmt: skip
async def list_stuck(reading: Reading, caller: MayRead) -> StuckMovementsSchema:
    """Their workflow was ended by hand, its task fails, or their time is over."""
    async with reading(caller) as connection:
        found = await stuck.find_all(connection, caller.tenant.id)
    items = [
        StuckMovementSchema(
            movement_id=one.movement_id, type=one.type, state=one.state, reason=one.reason,
            detail=one.detail, since=one.since, mends=one.mends, mended_at=one.mended_at,
        )
        for one in found
    ]  # fmt: skip
    return StuckMovementsSchema(items=items)


@router.post("/stuck/{movement}/mend", summary="Mend a movement that does not go on",
             responses=answers_with(MendSchema, 200, 404, 409, 503))  # fmt: skip
async def mend(request: Request, movement: UUID, caller: MayMend) -> MendSchema:
    """Its workflow is reset to before the task that fails, or begun anew from its rows.

    Safe to repeat: each step is posted once. Nothing is done where the movement goes on.
    """
    commands: Commands = request.app.state.door.commands
    row = await commands.find(caller.tenant.id, movement)
    if row is None:
        raise Problem("movement_not_found")
    clients: Clients = request.app.state.clients
    try:
        mender = Mender(commands, await clients(caller.tenant), caller.tenant)
        finding = await _finding(mender, commands, row)
        if finding is None:
            raise Problem("not_stuck", f"the movement is {row.state}, and its process goes on")
        done = await mender.mend(row, finding)
    except (RPCError, OSError):
        raise Problem("unavailable") from None
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        await stuck.count_mend(connection, caller.tenant.id, movement)
    await _note(request, caller, movement, done)
    return MendSchema(movement_id=movement, done=done)


async def _finding(mender: Mender, commands: Commands, row: CommandRow) -> Finding | None:
    """Why it is stuck; one that has ended, with money left in between, is so too."""
    if row.state.startswith("pending") or row.outcome is None:
        return await mender.examine(row)
    if await commands.is_stranded(row.tenant_id, row.movement_id):
        return Finding("ended", "it has ended, and money lies on an account of its own")
    return None


async def _note(request: Request, caller: Caller, movement: UUID, done: str) -> None:
    audit: AuditLog = request.app.state.audit
    more: dict[str, Any] = {"act": caller.act}
    await audit.note(
        Record(
            tenant_id=caller.tenant.id,
            actor=caller.actor.subject,
            client=caller.actor.client,
            action="movement.mend",
            object=f"movement/{movement}",
            reason=done,
            **more,
        )
    )
