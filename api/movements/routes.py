"""One POST route per money movement, taken from the catalogue."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.accepting import accepted
from api.headers import IdempotencyKey, OpenDoor, Patience
from api.movements.resources import movement_of
from api.pin_proofs import PinProof, check_proof
from api.preparing import Prepared
from api.problems import Problem
from api.schemas import MovementSchema
from api.security import Caller, requires
from mmo.movements.support.catalogue import description_of
from mmo.movements.support.commands import (
    CommandRow,
)
from mmo.movements.support.movement import Movement
from mmo.movements.support.taking_back import TAKEN_BACK
from mmo.wallets.wallet import Wallet

ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {"description": "Posted.", "model": MovementSchema},
    202: {
        "description": "Accepted; the state says what it waits for. Location names it.",
        "model": MovementSchema,
    },
    **{
        status: {
            "description": "A problem (RFC 9457).",
            "content": {"application/problem+json": {}},
        }
        for status in (400, 401, 403, 404, 409, 413, 415, 422, 503)
    },
}


def route_of(movement: Movement, prepared: Prepared | None = None) -> APIRouter:
    """The route that asks for this movement; `prepared`: what its acceptance needs beside."""

    async def ask(
        request: Request,
        command: Any,
        caller: Annotated[Caller, Depends(requires(movement.scope))],
        opened: OpenDoor,
        key: IdempotencyKey,
        wait_s: Patience,
        proof: PinProof = None,
    ) -> JSONResponse:
        opened.starter.admit()
        await opened.starter.prepare(caller.tenant)

        async def pin_proved(payer: Wallet) -> None:
            await check_proof(request, caller, movement.name, payer, proof, key)

        preparation = prepared.begin(request, caller, command) if prepared else None
        row, new = await accepted(movement, command, caller, opened, key, pin_proved, preparation)
        outcome = await opened.starter.outcome(caller.tenant, row, new=new, wait_s=wait_s)
        told = preparation.told if preparation and new else None
        return answer(row, outcome, replayed=not new, told=told)

    # FastAPI reads the body's type here.
    body = prepared.body if prepared else movement.takes_back or movement.command
    ask.__annotations__["command"] = body
    router = APIRouter(tags=["movements"])
    router.post(
        f"/movements/{movement.name}",
        name=movement.name,
        summary=movement.title,
        description=description_of(movement),
        status_code=201,
        responses=ANSWERS,
    )(ask)
    return router


def answer(
    row: CommandRow,
    outcome: Mapping[str, Any] | None,
    *,
    replayed: bool,
    told: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """A movement's outcome as an HTTP answer. `told`: what is told this once."""
    resource = movement_of(row, outcome) | dict(told or {})
    state, headers = resource["state"], {"Location": resource["links"]["self"]}
    if told:
        headers["Cache-Control"] = "no-store"
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if outcome and outcome["position"]:
        headers["Projection-Position"] = outcome["position"]
    if state == "refused":
        refusal = resource["refusal"]
        problem = Problem(
            refusal["code"],
            refusal["reason"],
            status=422,
            movement_id=resource["id"],
            details=refusal["details"],
        )
        refused = problem.response()
        refused.headers.update(headers)
        return refused
    return JSONResponse(resource, 201 if state in TAKEN_BACK else 202, headers=headers)
