"""Routes that answer a waiting movement, one for each answer of the catalogue."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Optional, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field, create_model

from api.fields import Line
from api.headers import OpenDoor, Patience
from api.movements.answering import Given, may_answer, parties_at, send, settled, waiting
from api.movements.routes import ANSWERS
from api.pin_proofs import PinProof, check_proof
from api.problems import Problem
from api.security import Caller, requires
from mmo.movements.support.catalogue import answers
from mmo.movements.support.command import BankReference
from mmo.movements.support.movement import Answer


def routed() -> Iterator[Answer]:
    """Those that have a route here: where nobody joins the movement by them."""
    yield from (one for one in answers() if not one.joins)


def identifier(movement_id: str) -> UUID:
    """The id in a path. Raises Problem movement_not_found for what is no canonical UUID."""
    try:
        parsed = UUID(movement_id)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != movement_id:
        raise Problem("movement_not_found")
    return parsed


MovementIdentifier = Annotated[UUID, Depends(identifier)]


_Reference: Any = Optional[BankReference]  # noqa: UP045 - a value, which a type checker reads


def route_of(offered: Answer) -> APIRouter:
    """The route that gives this answer."""
    body = _body_of(offered)

    async def give(
        request: Request,
        movement_id: MovementIdentifier,
        caller: Annotated[Caller, Depends(requires(offered.scope))],
        opened: OpenDoor,
        wait_s: Patience,
        told: Any,
        proof: PinProof = None,
    ) -> JSONResponse:
        row = await waiting(opened, caller, movement_id, offered)
        said: dict[str, Any] = told.model_dump()
        if said["answer"] in offered.referenced and not said["bank_reference"]:
            raise Problem("bank_reference_missing")
        parties = await parties_at(opened, caller, row)
        may_answer(offered, parties, caller)
        if offered.proved and offered.asked_by is not None:
            key = f"{movement_id}/{offered.name}"
            await check_proof(request, caller, row.type, parties[offered.asked_by], proof, key)
        given = Given(
            choice=said["answer"],
            note=said["note"],
            bank_reference=said.get("bank_reference") or "",
        )
        await send(request, caller, row, offered, given)
        return await settled(opened, row, wait_s)

    give.__annotations__["told"] = body
    router = APIRouter(tags=["movements"])
    router.post(
        f"/movements/{{movement_id}}/{offered.name}",
        name=offered.name,
        summary=offered.summary,
        description=_description(offered),
        status_code=201,
        responses={**ANSWERS, 404: ANSWERS[409]},
    )(give)
    return router


def _description(offered: Answer) -> str:
    """Who may give the answer, beside what it is."""
    who = f"the owner of the {offered.asked_by}'s wallet, or staff" if offered.asked_by else "staff"
    maker = "" if offered.maker_may else " Whoever asked for the movement may not."
    return f"One of {', '.join(offered.choices)}, given by {who} with its scope.{maker}"


def _body_of(offered: Answer) -> Any:
    """What the route takes: the choice, a note, and what this answer needs beside."""
    more: dict[str, Any] = {"bank_reference": (_Reference, None)} if offered.referenced else {}
    return create_model(
        f"{offered.name.title().replace('-', '')}Body",
        __config__=ConfigDict(extra="forbid", frozen=True),
        answer=(cast("Any", Literal)[offered.choices], ...),  # no decision has a default
        note=(Annotated[str, Field(max_length=140), Line], ""),
        **more,
    )
