"""Routes that answer a waiting movement: checked, signed, and sent by the one signal `decide`."""

import asyncio
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model
from temporalio.service import RPCError

from api.accepting import Door
from api.movements import ANSWERS, OpenDoor, Patience, answer
from api.problems import Problem
from api.security import Caller, requires
from api.start import POLL_FIRST_S, Clients, workflow_id
from mmo.keys.ports import KeyStore
from mmo.movements.support.catalogue import movements
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.movement import Answer
from mmo.movements.support.signed_answers import answer_of, binding, write
from workflows.support.movement import MoneyMovement


def answers() -> Iterator[Answer]:
    """Every answer of the catalogue, each name once."""
    named = {one.name: one for movement in movements().values() for one in movement.answers}
    yield from named.values()


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


def route_of(offered: Answer) -> APIRouter:
    """The route that gives this answer."""
    body: Any = create_model(
        f"{offered.name.title().replace('-', '')}Body",
        __config__=ConfigDict(extra="forbid", frozen=True),
        answer=(cast("Any", Literal)[offered.choices], offered.choices[0]),
        note=(Annotated[str, Field(max_length=140)], ""),
    )

    async def give(
        request: Request,
        movement_id: MovementIdentifier,
        caller: Annotated[Caller, Depends(requires(offered.scope))],
        opened: OpenDoor,
        wait_s: Patience,
        told: Any = None,
    ) -> JSONResponse:
        row = await _waiting(opened, caller, movement_id, offered)
        given = told or body()
        await _send(request, caller, row, offered.name, given)
        return await _settled(opened, row, wait_s)

    give.__annotations__["told"] = body | None
    router = APIRouter(tags=["movements"])
    router.post(
        f"/movements/{{movement_id}}/{offered.name}",
        name=offered.name,
        summary=offered.summary,
        status_code=201,
        responses={**ANSWERS, 404: ANSWERS[409]},
    )(give)
    return router


async def _waiting(opened: Door, caller: Caller, movement_id: UUID, offered: Answer) -> CommandRow:
    row = await opened.commands.find(caller.tenant.id, movement_id)
    if row is None:
        raise Problem("movement_not_found")
    if answer_of(movements()[row.type], offered.name) is None:
        raise Problem("not_waiting", f"a {row.type} takes no {offered.name}")
    if not row.state.startswith("pending"):
        raise Problem("not_waiting", f"the movement is {row.state}")
    if row.actor == caller.actor.subject and not offered.maker_may:
        raise Problem("maker_may_not")
    return row


async def _send(
    request: Request, caller: Caller, row: CommandRow, name: str, given: BaseModel
) -> None:
    keys: KeyStore = request.app.state.keys
    clients: Clients = request.app.state.clients
    said = given.model_dump()
    document = await write(
        keys,
        caller.tenant.slug,
        caller.actor,
        about=binding(row.type, row.movement_id, row.body),
        name=name,
        choice=said["answer"],
        note=said["note"],
    )
    try:
        client = await clients(caller.tenant)
        handle = client.get_workflow_handle(workflow_id(caller.tenant.slug, row))
        await handle.signal(MoneyMovement.decide, document)
    except (RPCError, OSError):
        raise Problem("unavailable") from None


async def _settled(opened: Door, row: CommandRow, wait_s: float) -> JSONResponse:
    """Wait until the movement is in another state; 202 while it is not."""
    deadline = time.monotonic() + wait_s
    kept: CommandRow | None = row
    while kept is not None and kept.state == row.state and time.monotonic() < deadline:
        await asyncio.sleep(POLL_FIRST_S)
        kept = await opened.commands.find(row.tenant_id, row.movement_id)
    assert kept is not None
    return answer(kept, kept.outcome, replayed=False)
