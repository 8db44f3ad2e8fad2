"""Reading wallets: one, its balance, and its statement."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.accepting import Door
from api.looking import LookingDoor
from api.paging import (
    Cursor,
    Limit,
    Moment,
    Position,
    Session,
    Since,
    Until,
    key_of,
    moment,
    page_of,
)
from api.problems import Problem
from api.schemas import BalanceSchema, StatementPage, WalletSchema, answers_with
from api.security import Caller, requires
from api.wallets.routes import find_wallet, not_found, wallet_of
from mmo.changes.wallets import WALLET
from mmo.kernel.money import Money
from mmo.projections.balances import balance
from mmo.projections.statements import StatementView, statement
from mmo.tenancy.scope import scoped
from mmo.wallets.wallet import Wallet

router = APIRouter(tags=["wallets"])

MayRead = Annotated[Caller, Depends(requires("wallets:read"))]
NUMBER_DIGITS_MAX = 18


@router.get("/wallets/{wallet}", summary="Read a wallet", responses=answers_with(WalletSchema))
async def read_wallet(
    wallet: str,
    caller: MayRead,
    opened: LookingDoor,
    as_of: Annotated[
        Moment | None, Query(description="The wallet as it was at this moment.")
    ] = None,
) -> dict[str, Any]:
    """Answer with the wallet now, or fold its events up to a moment."""
    found = await visible(opened, caller, wallet)
    if as_of is None:
        return await wallet_of(opened, caller, found)
    async with scoped(opened.pool, caller.tenant.id) as connection:
        then = await WALLET.as_of(connection, caller.tenant.id, UUID(found.id), as_of)
    if then is None:
        raise not_found()
    return await wallet_of(opened, caller, then)


@router.get(
    "/wallets/{wallet}/balance", summary="Read a balance", responses=answers_with(BalanceSchema)
)
async def read_balance(
    wallet: str, caller: MayRead, opened: LookingDoor, session: Session, position: Position
) -> dict[str, Any]:
    """Answer from the read model; never from a workflow."""
    found = await visible(opened, caller, wallet)
    seen = await balance(session, caller.tenant.id, found.accounts["wallet"])
    posted, held = (seen.posted, seen.held) if seen else (0, 0)
    return {
        "wallet": found.id,
        "available": Money(posted - held, found.currency).value,
        "posted": Money(posted, found.currency).value,
        "held": Money(held, found.currency).value,
        "currency": found.currency,
        "as_of": moment(datetime.now(UTC)),
        "position": str(position),
    }


@router.get(
    "/wallets/{wallet}/statement",
    summary="Read a statement, the newest line first",
    responses=answers_with(StatementPage),
)
async def read_statement(
    wallet: str,
    caller: MayRead,
    opened: LookingDoor,
    session: Session,
    _: Position,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Answer from the read model, a page at a time."""
    found = await visible(opened, caller, wallet)
    rows = await statement(
        session,
        caller.tenant.id,
        found.accounts["wallet"],
        since=since,
        until=until,
        before=_number(key_of(cursor)),
        limit=limit,
    )
    lines = [_line(row) for row in rows]
    return {"wallet": found.id} | page_of(lines, limit, rows[-1].number if rows else None)


def _line(row: StatementView) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": moment(row.at),
        "movement": str(row.movement_id),
        "type": row.type,
        "role": row.role,
        "parties": row.parties,
        "amount": Money(row.amount, row.currency).value,
        "balance": Money(row.balance or 0, row.currency).value,
        "currency": row.currency,
        "reference": str(row.journal),
    }


async def visible(opened: Door, caller: Caller, name: str) -> Wallet:
    """A wallet that the caller may look at. Raises Problem wallet_not_found (404)."""
    found = await find_wallet(opened, caller, name)
    if not caller.sees({found.owner}):
        raise not_found()
    return found


def _number(key: str | None) -> int | None:
    if key is None:
        return None
    if not (key.isascii() and key.isdigit()) or len(key) > NUMBER_DIGITS_MAX:
        raise Problem("cursor_invalid")
    return int(key)
