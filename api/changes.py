"""Changes that were asked for, and what has become of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.changing import ChangeSchema
from api.fields import identifier
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, authenticated
from mmo.changes.support import rows
from mmo.changes.support.registry import kinds
from mmo.changes.support.rows import Change

router = APIRouter(prefix="/changes", tags=["approvals"])


def resource(change: Change) -> dict[str, Any]:
    """How a change looks."""
    return {
        "id": str(change.id),
        "event": change.event,
        "object": change.object,
        "state": change.state,
        "asked_by": change.maker["subject"],
        "asked_at": change.asked_at.isoformat(),
        "ended_at": change.ended_at.isoformat() if change.ended_at else None,
        "asks": change.asks,
        "rules": change.record.get("rules", []),
        "refusal": change.refusal,
    }


@router.get("/{change}", summary="Read a change", responses=answers_with(ChangeSchema))
async def read(
    reading: Reading, change: str, caller: Annotated[Caller, Depends(authenticated)]
) -> dict[str, Any]:
    """A change of one's own, or of a kind that one may read."""
    named = identifier(change)
    async with reading(caller) as connection:
        found = await rows.find(connection, caller.tenant.id, named)
    if found is None or not _may(caller, found):
        raise Problem("not_found")
    return resource(found)


def _may(caller: Caller, change: Change) -> bool:
    own = change.maker["subject"] == caller.actor.subject
    return own or caller.visiting or kinds()[change.event].scope in caller.scopes
