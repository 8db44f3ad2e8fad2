"""Substitutes: who stands in for me while I am away."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.deciding.parts import MayDecide
from api.deciding.schemas import SubstituteBody, Substitutes, SubstituteSchema
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with, problems
from mmo.approvals import substitutes
from mmo.tenancy.scope import scoped

router = APIRouter(prefix="/approvals", tags=["approvals"])


@router.get("/substitutes", summary="Read absences that concern me",
            responses=answers_with(Substitutes))  # fmt: skip
async def read_substitutes(reading: Reading, caller: MayDecide) -> dict[str, Any]:
    """One's own absence, and those whom one stands in for."""
    async with reading(caller) as connection:
        found = await substitutes.of(connection, caller.tenant.id, caller.actor.subject)
    return {"items": [one.resource() for one in found]}


@router.put("/substitutes", summary="Name who stands in for me",
            responses=answers_with(SubstituteSchema))  # fmt: skip
async def put_substitute(
    request: Request, body: SubstituteBody, caller: MayDecide
) -> dict[str, Any]:
    """They may agree with my roles while I am away, but never to what I asked for myself."""
    if body.substitute in caller.actor.people:
        raise Problem("validation", "somebody else must stand in")
    if body.since.tzinfo is None or body.until.tzinfo is None or body.since >= body.until:
        raise Problem("validation", "an absence begins before it ends, and has a time zone")
    named = substitutes.Substitute(
        absent=caller.actor.subject, substitute=body.substitute, since=body.since, until=body.until
    )
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        await substitutes.name(connection, caller.tenant.id, named, caller.actor)
    return named.resource()


@router.delete("/substitutes", status_code=204, summary="Be back", responses=problems())
async def end_absence(request: Request, caller: MayDecide) -> Response:
    """Nobody stands in for me any more."""
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        await substitutes.end(connection, caller.tenant.id, caller.actor)
    return Response(status_code=204)
