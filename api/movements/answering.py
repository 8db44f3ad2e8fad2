"""Answering a waiting movement: who may, with whose wallets, signed and sent by `decide`."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from fastapi import Request
from fastapi.responses import JSONResponse
from temporalio.service import RPCError, RPCStatusCode

from api.accepting import Door
from api.movements.resources import movement_of
from api.movements.routes import answer
from api.problems import Problem
from api.security import Caller
from api.start import POLL_FIRST_S, Clients, workflow_id
from mmo.approvals import document_store
from mmo.kernel.refusals import REFUSALS
from mmo.keys.ports import KeyStore
from mmo.movements.support.catalogue import movements
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.movement import Answer
from mmo.movements.support.signed_answers import answer_of, binding, write
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from mmo.wallets.wallet import Wallet
from workflows.support.signals import DECIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is answered."""

    choice: str
    note: str = ""
    joined: Mapping[str, str] = field(default_factory=dict[str, str])
    """Role → id of the wallet, of those whom the answer brings along."""
    bank_reference: str = ""


async def waiting(opened: Door, caller: Caller, movement: UUID, offered: Answer) -> CommandRow:
    """The movement, if it waits for the answer and the caller is not its maker where that counts.

    Raises Problem.
    """
    row = await opened.commands.find(caller.tenant.id, movement)
    if row is None:
        raise Problem("movement_not_found")
    if answer_of(movements()[row.type], offered.name) is None:
        raise Problem("not_waiting", f"a {row.type} takes no {offered.name}")
    if not row.state.startswith("pending"):
        raise Problem("not_waiting", f"the movement is {row.state}")
    if row.actor == caller.actor.subject and not offered.maker_may:
        raise Problem("maker_may_not")
    return row


async def parties_at(
    opened: Door, caller: Caller, row: CommandRow, joined: Mapping[str, str] | None = None
) -> dict[str, Wallet]:
    """Role → wallet, of the movement and of those who join it. Raises Problem wallet_not_found.

    `joined`: role → id or alias, as the caller wrote it.
    """
    written = {**movements()[row.type].parties_of(row.body), **(joined or {})}
    named = await opened.personal.named(caller.tenant.slug, list(written.values()))
    async with scoped(opened.pool, caller.tenant.id) as connection:
        found = await wallets.find(connection, caller.tenant.id, named)
    if missing := [role for role, name in written.items() if name not in found]:
        raise Problem("wallet_not_found", f"there is no wallet of the {missing[0]}")
    return {role: found[name] for role, name in written.items()}


def may_answer(offered: Answer, parties: Mapping[str, Wallet], caller: Caller) -> None:
    """Whose answer it is: the owner's, or of staff for them. Raises Problem not_your_wallet."""
    if offered.asked_by is None or offered.scope_on_behalf in caller.scopes:
        return
    if parties[offered.asked_by].owner != caller.actor.subject:
        raise Problem("not_your_wallet", f"the answer is the {offered.asked_by}'s")


def check_joined(offered: Answer, parties: Mapping[str, Wallet], row: CommandRow) -> None:
    """What nobody can be who joins; the books look again. Raises Problem."""
    for role in offered.joins:
        wallet, others = parties[role.name], {**parties}
        del others[role.name]
        if wallet.id in {one.id for one in others.values()}:
            raise Problem("same_party", REFUSALS["same_party"])
        if wallet.kind not in role.kinds:
            raise Problem("wallet_kind_invalid", f"the {role.name} has a {wallet.kind} wallet")
        if wallet.currency != row.body["amount"]["currency"]:
            raise Problem("currency_mismatch", f"the {role.name}'s wallet is in {wallet.currency}")


async def send(
    request: Request, caller: Caller, row: CommandRow, offered: Answer, given: Given
) -> None:
    """Sign the answer, and signal it. Raises Problem unavailable."""
    keys: KeyStore = request.app.state.keys
    clients: Clients = request.app.state.clients
    identifier = uuid4().hex
    document = await write(
        keys,
        caller.tenant.slug,
        caller.actor,
        about=binding(row.type, row.movement_id, row.body),
        name=offered.name,
        choice=given.choice,
        note=given.note,
        joined=given.joined,
        bank_reference=given.bank_reference,
        identifier=identifier,
    )
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        await document_store.record(
            connection, caller.tenant.id, row.movement_id, identifier, document
        )
    try:
        client = await clients(caller.tenant)
        handle = client.get_workflow_handle(workflow_id(caller.tenant.slug, row))
        await handle.signal(DECIDE, document)
    except RPCError as error:
        ended = error.status is RPCStatusCode.NOT_FOUND
        raise Problem("not_waiting" if ended else "unavailable") from None
    except OSError:
        raise Problem("unavailable") from None


async def settled(opened: Door, row: CommandRow, wait_s: float) -> JSONResponse:
    """Wait for a new outcome of the movement; 202 while there is none.

    A step that was tried and refused is told as the refusal, though the movement waits on.
    """
    deadline = time.monotonic() + wait_s
    kept: CommandRow | None = row
    while kept is not None and kept.outcome == row.outcome and time.monotonic() < deadline:
        await asyncio.sleep(POLL_FIRST_S)
        kept = await opened.commands.find(row.tenant_id, row.movement_id)
    assert kept is not None
    if kept.outcome != row.outcome and kept.outcome and kept.outcome["outcome"] == "refused":
        return _refused(kept, kept.outcome)
    return answer(kept, kept.outcome, replayed=False)


def _refused(row: CommandRow, outcome: Mapping[str, Any]) -> JSONResponse:
    if outcome["state"] == "refused":
        return answer(row, outcome, replayed=False)
    resource = movement_of(row, outcome)
    refusal = resource["refusal"]
    return Problem(
        refusal["code"], refusal["reason"], status=422, movement_id=resource["id"],
        details=refusal["details"],
    ).response()  # fmt: skip
