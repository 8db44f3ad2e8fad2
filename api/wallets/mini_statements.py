"""The mini-statement: five lines and the balance, by SMS to the wallet's own number."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.changing import Changing, Raising, changed
from api.looking import LookingDoor
from api.paging import Position, Session
from api.problems import Problem
from api.wallets.reads import MayRead, visible
from mmo.changes.mini_statements import SealedMessage
from mmo.kernel.identifiers import mint
from mmo.kernel.money import Money
from mmo.keys.envelope import Envelope
from mmo.notifications import messages
from mmo.notifications.gsm import cut
from mmo.notifications.mini_statement import LINES, mini_statement
from mmo.projections.balances import balance
from mmo.projections.statements import statement
from mmo.tenancy.scope import scoped

router = APIRouter(tags=["wallets"])


class MiniStatementSchema(BaseModel):
    """A mini-statement on its way."""

    wallet: str
    lines: int


@router.post("/wallets/{wallet}/mini-statement", status_code=202,
             summary="Send a mini-statement by SMS",
             responses=changed(MiniStatementSchema, 202, 429))  # fmt: skip
async def send(
    request: Request, wallet: str, caller: MayRead, opened: LookingDoor, session: Session,
    _: Position, change: Annotated[Changing, Depends(Raising("wallet.ask-mini-statement"))],
) -> JSONResponse:  # fmt: skip
    """To the wallet's own number, whoever asks; one a minute."""
    found = await visible(opened, caller, wallet)
    if found.state == "closed":
        raise Problem("wallet_closed", status=409)
    tenant, account = caller.tenant, found.accounts["wallet"]
    nothing: dict[str, Any] = {"since": None, "until": None, "before": None}
    lines = await statement(session, tenant.id, account, **nothing, limit=LINES)
    seen = await balance(session, tenant.id, account)
    async with scoped(opened.pool, tenant.id) as connection:
        language, _sender = await messages.settings_of(connection, tenant.id)
    text = mini_statement(
        [(line.at, Money(line.amount, line.currency)) for line in lines],
        Money(seen.posted - seen.held if seen else 0, found.currency),
        language, tenant.name, tenant.timezone,
    )  # fmt: skip
    made, identifier, envelope = cut(text), mint(), _envelope(request)
    sealed = await envelope.seal_text(
        tenant.slug, messages.PURPOSE, messages.text_context(identifier), text
    )
    message = SealedMessage(
        id=identifier, text=sealed, coding=made.coding, segments=len(made.parts)
    )
    await change(caller, f"wallet/{found.id}", unkept=message)
    return JSONResponse({"wallet": found.id, "lines": len(lines)}, 202)


def _envelope(request: Request) -> Envelope:
    return request.app.state.envelope
