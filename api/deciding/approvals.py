"""Approvals: what I may decide, and deciding it. The decision itself is a signed document."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.deciding import parts
from api.deciding.parts import MayDecide
from api.deciding.schemas import (
    ApprovalPage,
    ApprovalSchema,
    DecisionBody,
    DecisionsBody,
    SignedDecisionSchema,
    Together,
)
from api.headers import Patience
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.approvals import postgres as approvals

router = APIRouter(prefix="/approvals", tags=["approvals"])
DECIDED = {**answers_with(ApprovalSchema), 202: answers_with(ApprovalSchema)[200]}


@router.get("", summary="List what I may decide", responses=answers_with(ApprovalPage))
async def inbox(
    reading: Reading, caller: MayDecide, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """Open approvals that ask for a role of mine, not my own, and not those I have decided."""
    key, actor = key_of(cursor), caller.actor
    before = parts.identifier(key) if key else None
    async with reading(caller) as connection:
        roles = await approvals.roles_of(
            connection, caller.tenant.id, actor.subject, sorted(actor.people)
        )
        found = await approvals.inbox(
            connection, caller.tenant.id, actor.subject, sorted(actor.people), roles, before, limit
        )
        rows = await parts.resources(connection, caller, found)
    return page_of(rows, limit, str(found[-1].id) if found else None)


@router.post("/decisions", summary="Decide about several", responses=answers_with(Together))
async def decide_together(
    request: Request, body: DecisionsBody, caller: MayDecide
) -> dict[str, Any]:
    """At most fifty at once, each for itself: one that fails leaves the others as they are."""
    items: list[dict[str, Any]] = []
    for one in body.ids:
        try:
            await parts.decide(request, caller, one, body.decision, body.note)
            items.append({"id": str(one), "outcome": "sent"})
        except Problem as problem:
            items.append({"id": str(one), "outcome": "refused", "code": problem.code})
    return {"items": items}


@router.get("/{approval}", summary="Read an approval", responses=answers_with(ApprovalSchema))
async def read(reading: Reading, approval: str, caller: MayDecide) -> dict[str, Any]:
    """Who is asked, and who has decided what."""
    async with reading(caller) as connection:
        found = await approvals.find(connection, caller.tenant.id, parts.identifier(approval))
        if found is None:
            raise Problem("approval_not_found")
        (told,) = await parts.resources(connection, caller, [found])
    return told


@router.post("/{approval}/decisions", summary="Decide",
             responses=DECIDED)  # fmt: skip
async def decide(
    request: Request, reading: Reading, approval: str, body: DecisionBody, caller: MayDecide,
    wait_s: Patience,
) -> JSONResponse:  # fmt: skip
    """Sign the decision and send it; 200 once it has ended the wait, else 202."""
    asked = parts.identifier(approval)
    await parts.decide(request, caller, asked, body.decision, body.note)
    return await parts.told(request, reading, caller, asked, wait_s)


@router.delete("/{approval}", summary="Cancel what I asked for",
               responses=DECIDED)  # fmt: skip
async def cancel(
    request: Request, reading: Reading, approval: str, wait_s: Patience,
    caller: Annotated[Caller, Depends(requires("movements:read"))],
) -> JSONResponse:  # fmt: skip
    """The maker takes it back; what was set aside is free again."""
    asked = parts.identifier(approval)
    await parts.decide(request, caller, asked, "cancel", "")
    return await parts.told(request, reading, caller, asked, wait_s)


@router.post("/{approval}/documents", summary="Sign a decision without sending it",
             responses=answers_with(SignedDecisionSchema))  # fmt: skip
async def sign(
    request: Request, approval: str, body: DecisionBody, caller: MayDecide
) -> JSONResponse:
    """The document that the signal `decide` takes, for Temporal's own tools; good for minutes."""
    found = await parts.checked(request, caller, parts.identifier(approval), body.decision)
    document = await parts.document(request, caller, found, body.decision, body.note)
    about = {"workflow": parts.workflow(caller, found), "signal": "decide", "document": document}
    return JSONResponse(about, headers={"Cache-Control": "no-store"})
