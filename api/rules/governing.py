"""What is governed beside the processors: events, approval of rules, and whether they need it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from api.four_eyes import FourEyesBody, FourEyesSchema, four_eyes_answer, four_eyes_of
from api.problems import Problem
from api.reading import Reading
from api.rules.parts import (
    MayApprove,
    MayRead,
    event_resource,
    identifier,
    resource,
    tag_of,
)
from api.rules.schemas import EventList, ProcessorList, RuleSchema
from api.schemas import answers_with
from api.security import Caller
from mmo.bep import definitions
from mmo.bep.registry import processors
from mmo.changes.rules import RuleChanges
from mmo.movements.support.business_events import business_events
from mmo.tenancy.scope import scoped

router = APIRouter(prefix="/bep", tags=["rules"])
Rule = Annotated[str, Path(max_length=40)]
WAITS = {"description": "It waits for a second person.", "model": FourEyesSchema}


@router.get("/events", summary="List business events", responses=answers_with(EventList))
async def events(_: MayRead) -> dict[str, Any]:
    """Every business event that rules can be set for, and what each carries."""
    return {"items": [event_resource(kind) for kind in business_events().kinds.values()]}


@router.get("/processors", summary="List processors", responses=answers_with(ProcessorList))
async def list_processors(_: MayRead) -> dict[str, Any]:
    """Every processor, those of plug-ins included."""
    return {
        "items": [
            {
                "name": one.name,
                "title": one.title,
                "help": one.help,
                "phases": sorted((phase.value for phase in one.phases), reverse=True),
                "template": f"/bep/{one.name}/template",
            }
            for one in processors().values()
        ]
    }


@router.get("/settings", summary="Read how rules are governed",
            responses=answers_with(FourEyesSchema))  # fmt: skip
async def read_settings(reading: Reading, caller: MayRead) -> dict[str, Any]:
    """Whether rules need a second person, and who asks that none be needed."""
    async with reading(caller) as connection:
        return await four_eyes_of(definitions.FOUR_EYES, connection, caller.tenant.id)


@router.put("/settings", summary="Say how rules are governed",
            responses=answers_with(FourEyesSchema) | {202: WAITS})  # fmt: skip
async def put_settings(request: Request, body: FourEyesBody, caller: MayApprove) -> JSONResponse:
    """Let rules need a second person, or none: that two people must say, one after the other.

    The first one's wish is 202 and waits; whoever reads the settings sees it.
    """
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        changes = RuleChanges(connection, caller.tenant.id, caller.actor)
        needed = await changes.set_four_eyes(body.four_eyes)
    return four_eyes_answer(needed, body, caller, "/v1/bep/settings")


@router.post("/definitions/{rule}/approve", summary="Approve a rule that somebody else set",
             responses=answers_with(RuleSchema))  # fmt: skip
async def approve(request: Request, rule: Rule, caller: MayApprove) -> JSONResponse:
    """Put the pending version in force; it binds the next movement."""
    return await _decide(request, rule, caller, approve=True)


@router.post("/definitions/{rule}/reject", summary="Reject a rule that somebody else set",
             responses=answers_with(RuleSchema))  # fmt: skip
async def reject(request: Request, rule: Rule, caller: MayApprove) -> JSONResponse:
    """Let the pending version never be in force."""
    return await _decide(request, rule, caller, approve=False)


async def _decide(request: Request, rule: str, caller: Caller, *, approve: bool) -> JSONResponse:
    identity, tenant = identifier(rule), caller.tenant.id
    async with scoped(request.app.state.pool, tenant) as connection:
        await definitions.lock(connection, tenant, identity)
        found = await definitions.versions(connection, tenant, identity)
        if not found:
            raise Problem("rule_not_found")
        pending = next((one for one in found if one.state == "pending"), None)
        if pending is None:
            raise Problem("rule_not_pending")
        if pending.made_by in caller.actor.people:
            raise Problem("maker_may_not")
        await RuleChanges(connection, tenant, caller.actor).decide(pending, approve=approve)
        after = await definitions.versions(connection, tenant, identity)
        decided = next(one for one in after if one.number == pending.number)
    request.app.state.bell.ring()
    return JSONResponse(resource(decided), headers=tag_of(decided))
