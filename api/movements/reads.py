"""Reading movements: one, a list, and a timeline."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.looking import LookingDoor
from api.movements.answers import MovementIdentifier
from api.movements.resources import expires_at, links_of, movement_of, priced, refusal_of
from api.paging import (
    Cursor,
    Limit,
    Position,
    Session,
    Since,
    Until,
    key_of,
    moment,
    page_of,
)
from api.problems import Problem
from api.schemas import MovementPage, MovementSchema, State, TimelineSchema, answers_with
from api.scopes import READ_ALL
from api.security import Caller, requires
from api.wallets.routes import find_wallet
from mmo.kernel.money import Money
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.symbols import FEES, TAXES
from mmo.projections import movements as view
from mmo.projections.timeline import timeline
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets

router = APIRouter(tags=["movements"])

MayRead = Annotated[Caller, Depends(requires("movements:read"))]
Kind = Annotated[str | None, Query(pattern="^[a-z0-9-]{1,40}$", description="The movement's type.")]


@router.get(
    "/movements/{movement_id}", summary="Read a movement", responses=answers_with(MovementSchema)
)
async def read_movement(
    movement_id: MovementIdentifier,
    caller: MayRead,
    opened: LookingDoor,
    session: Session,
    _: Position,
) -> dict[str, Any]:
    """Answer from the read model; one that it does not hold yet, from its command."""
    command = await _visible(opened, caller, movement_id)
    seen = await view.movement(session, caller.tenant.id, movement_id)
    if seen is None:
        return movement_of(command, command.outcome)
    taken_back_by = await opened.commands.taken_back_by(caller.tenant.id, movement_id)
    return resource_of(seen) | {
        "note": command.note,
        "expires_at": expires_at(command, seen.state),
        "links": links_of(str(movement_id), command.body.get("original"), taken_back_by),
    }


@router.get(
    "/movements", summary="List movements, the newest first", responses=answers_with(MovementPage)
)
async def list_movements(
    caller: MayRead,
    opened: LookingDoor,
    session: Session,
    _: Position,
    wallet: Annotated[str | None, Query(max_length=40, description="A wallet of it.")] = None,
    state: State | None = None,
    type: Kind = None,  # noqa: A002 - the contract's word
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """List what the caller asked for or takes part in; staff: everything."""
    mine, actor = await _whose(opened, caller, wallet)
    rows = await view.movements(
        session,
        caller.tenant.id,
        wallets=mine,
        actor=actor,
        state=state,
        kind=type,
        since=since,
        until=until,
        before=_identifier(key_of(cursor)),
        limit=limit,
    )
    return page_of([resource_of(row) for row in rows], limit, rows[-1].id if rows else None)


@router.get(
    "/movements/{movement_id}/timeline",
    summary="What happened, line by line",
    responses=answers_with(TimelineSchema),
)
async def read_timeline(
    movement_id: MovementIdentifier,
    caller: MayRead,
    opened: LookingDoor,
    session: Session,
    _: Position,
) -> dict[str, Any]:
    """Answer from decision records and kept histories."""
    command = await _visible(opened, caller, movement_id)
    lines = await timeline(session, caller.tenant.id, movement_id)
    accepted: dict[str, Any] = {
        "at": moment(command.accepted_at),
        "kind": "accepted",
        "title": f"{command.type} accepted",
        "actor": command.actor,
        "detail": {},
    }
    told = [
        {
            "at": moment(line.at),
            "kind": line.kind,
            "title": line.title,
            "actor": line.actor,
            "detail": line.detail,
        }
        for line in lines
    ]
    return {"movement": str(movement_id), "items": [accepted, *told]}


def resource_of(row: view.MovementView) -> dict[str, Any]:
    """A row of the read model as the API shows a movement."""
    amount = Money(row.amount_minor, row.currency)
    return {
        "id": str(row.id),
        "type": row.type,
        "state": row.state,
        "amount": {"value": amount.value, "currency": amount.currency},
        "parties": row.parties,
        "fees": priced(row.prices, FEES, row.currency),
        "taxes": priced(row.prices, TAXES, row.currency),
        "requested_at": moment(row.requested_at),
        "posted_at": moment(row.posted_at),
        "reference": str(row.journal) if row.journal else None,
        "refusal": refusal_of(row.refusal, row.detail, row.currency),
        "links": links_of(str(row.id)),
    }


async def _visible(opened: LookingDoor, caller: Caller, movement: UUID) -> CommandRow:
    """The command of a movement that the caller may see. Raises Problem movement_not_found."""
    command = await opened.commands.find(caller.tenant.id, movement)
    if command is None:
        raise Problem("movement_not_found")
    if caller.sees({command.actor}):
        return command
    parties = [value for value in command.body.values() if isinstance(value, str)]
    ids = {value: found for value in parties if (found := _identifier(value, strict=False))}
    async with scoped(opened.pool, caller.tenant.id) as connection:
        found = await wallets.find(connection, caller.tenant.id, ids)
    if not caller.sees({wallet.owner for wallet in found.values()}):
        raise Problem("movement_not_found")
    return command


async def _whose(
    opened: LookingDoor, caller: Caller, wallet: str | None
) -> tuple[list[UUID] | None, str | None]:
    """Which wallets, and whose requests, a list is about; None: everybody's."""
    if wallet is not None:
        found = await find_wallet(opened, caller, wallet)
        if not caller.sees({found.owner}):
            raise Problem("wallet_not_found", status=404)
        return [UUID(found.id)], None
    if READ_ALL in caller.scopes:
        return None, None
    async with scoped(opened.pool, caller.tenant.id) as connection:
        owned = await wallets.owned_by(connection, caller.tenant.id, caller.actor.subject)
    return owned, caller.actor.subject


def _identifier(text: str | None, *, strict: bool = True) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        if strict:
            raise Problem("cursor_invalid") from None
        return None
