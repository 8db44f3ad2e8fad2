"""PINs: set, and reset by two people. What is written down of a PIN is its MAC, and no change."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind, Handler
from mmo.identity import pin_rows
from mmo.identity.pin_rows import Kept
from mmo.kernel.identifiers import mint

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPin:
    """What is to be kept of a PIN that was checked, and what lets it be set."""

    kept: Kept
    by: Literal["nothing", "former", "code"]
    """It is the first one, or the former one was proved, or a reset's code is shown."""
    code: str = ""


async def _set(connection: Connection, asked: Asked) -> Carried:
    tenant, wallet, new = asked.tenant_id, _wallet(asked), asked.unkept
    assert isinstance(new, NewPin)
    match new.by:
        case "nothing":
            done = await pin_rows.first(connection, tenant, wallet, new.kept)
        case "former":
            done = await pin_rows.store(connection, tenant, wallet, new.kept)
        case "code":
            done = await pin_rows.by_code(connection, tenant, wallet, new.code, new.kept)
    if not done:
        raise DeclinedError("pin_refused")
    return Carried()


async def _ask_reset(connection: Connection, asked: Asked) -> Carried:
    identifier, wallet = mint(), _wallet(asked)
    await pin_rows.ask_reset(connection, asked.tenant_id, identifier, wallet, asked.actor.subject)
    return Carried(result=identifier)


async def _approve_reset(connection: Connection, asked: Asked) -> Carried:
    reset = UUID(asked.body["reset"])
    code = await pin_rows.approve_reset(connection, asked.tenant_id, reset, asked.actor.subject)
    if code is None:
        raise DeclinedError("maker_may_not")
    return Carried(secret=code)


def _wallet(asked: Asked) -> UUID:
    return UUID(asked.object.removeprefix("wallet/"))


def _kind(action: str, scope: str, carry_out: Handler, *, waits: bool = False) -> ChangeKind:
    return ChangeKind(event=f"pin.{action}", scope=scope, carry_out=carry_out, waits=waits)


KINDS = (
    _kind("set", "wallets:on-behalf", _set),
    _kind("ask-reset", "wallets:pin:reset", _ask_reset, waits=True),
    _kind("approve-reset", "wallets:pin:reset:approve", _approve_reset),
)
