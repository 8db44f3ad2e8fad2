"""Commands on wallets, as kinds of changes: their own events tell of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried
from mmo.changes.support.registry import ChangeKind, Handler
from mmo.changes.wallets import Changed, NewWallet, change_wallet, close_wallet, open_wallet
from mmo.kernel.refusals import Refused
from mmo.wallets.personal import Sealed
from mmo.wallets.wallet import (
    FlagWallet,
    FreezeWallet,
    UnflagWallet,
    UnfreezeWallet,
    WalletCommand,
)

Connection = AsyncConnection[Any]
ON_BEHALF = "wallets:on-behalf"


def body_of(new: NewWallet) -> dict[str, Any]:
    """A new wallet as the body of a change; the person is sealed."""
    person = {
        "msisdn": new.person.msisdn, "name": new.person.name, "alias": new.person.alias,
    }  # fmt: skip
    return {
        "kind": new.kind, "currency": new.currency, "owner": new.owner, "product": new.product,
        "person": person, "party": str(new.party) if new.party else None,
    }  # fmt: skip


def flag_body(flag: FlagWallet) -> dict[str, Any]:
    """A flag as the body of a change."""
    return {
        "list": flag.list,
        "code": flag.code,
        "reason": flag.reason,
        "since": flag.since.isoformat(),
        "until": flag.until.isoformat() if flag.until else None,
        "evidence": flag.evidence,
    }


async def _open(connection: Connection, asked: Asked) -> Carried | Refused:
    body = asked.body
    new = NewWallet(
        kind=body["kind"], currency=body["currency"], owner=body["owner"],
        product=body["product"], person=Sealed(**body["person"]),
        party=UUID(body["party"]) if body.get("party") else None,
    )  # fmt: skip
    return _told(await open_wallet(connection, asked.tenant_id, _wallet(asked), new, asked.actor))


async def _close(connection: Connection, asked: Asked) -> Carried | Refused:
    return _told(await close_wallet(connection, asked.tenant_id, _wallet(asked), asked.actor))


async def _flag(connection: Connection, asked: Asked) -> Carried | Refused:
    body = asked.body
    until = body["until"]
    command = FlagWallet(
        list=body["list"], code=body["code"], reason=body["reason"],
        since=datetime.fromisoformat(body["since"]),
        until=datetime.fromisoformat(until) if until else None, evidence=body["evidence"],
    )  # fmt: skip
    return await _carried(connection, asked, command)


async def _unflag(connection: Connection, asked: Asked) -> Carried | Refused:
    return await _carried(connection, asked, UnflagWallet(**asked.body))


def _always(command: WalletCommand) -> Handler:
    async def carry_out(connection: Connection, asked: Asked) -> Carried | Refused:
        return await _carried(connection, asked, command)

    return carry_out


async def _carried(
    connection: Connection, asked: Asked, command: WalletCommand
) -> Carried | Refused:
    return _told(
        await change_wallet(connection, asked.tenant_id, _wallet(asked), command, asked.actor)
    )


def _told(changed: Changed | Refused) -> Carried | Refused:
    if isinstance(changed, Refused):
        return changed
    return Carried(result=changed.wallet, position=changed.position)


def _wallet(asked: Asked) -> UUID:
    return UUID(asked.object.removeprefix("wallet/"))


def _kind(action: str, carry_out: Handler, *hidden: str) -> ChangeKind:
    return ChangeKind(
        event=f"wallet.{action}", scope=ON_BEHALF, carry_out=carry_out, tells_itself=True,
        hidden=frozenset(hidden),
    )  # fmt: skip


KINDS = (
    _kind("open", _open, "person"),
    _kind("freeze", _always(FreezeWallet())),
    _kind("unfreeze", _always(UnfreezeWallet())),
    _kind("close", _close),
    _kind("flag", _flag),
    _kind("unflag", _unflag),
)
