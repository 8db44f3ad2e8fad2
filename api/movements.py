"""One POST route per money movement, taken from the catalogue."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from psycopg_pool import AsyncConnectionPool

from api.contract import REQUIRED
from api.pin_proofs import PinProof, check_proof
from api.problems import Problem
from api.resources import movement_of
from api.schemas import MovementSchema
from api.security import Caller, requires
from api.start import Starter
from mmo.kernel.identifiers import mint
from mmo.kernel.money import Money
from mmo.kernel.refusals import REFUSALS
from mmo.keys.ports import NoKeyError
from mmo.movements.support.command import Command
from mmo.movements.support.commands import (
    CommandRow,
    Commands,
    IdempotencyKeyReusedError,
    fingerprint_of,
)
from mmo.movements.support.movement import Movement
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from mmo.wallets.personal import PersonalData
from mmo.wallets.wallet import Wallet

WAIT_S, WAIT_MAX_S = 10.0, 30.0
_KEY = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
_KEY_SCHEMA = {"pattern": "^[!-~]{1,64}$", "examples": ["5f0c6f1e-payment-17"]}
_KEY_MEANS = "Your own name for the request: 1 to 64 visible ASCII."
_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})(?:$|[,;\s])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the routes that start movements need."""

    pool: AsyncConnectionPool[Any]
    commands: Commands
    starter: Starter
    personal: PersonalData


async def door(request: Request) -> Door:
    """The door that the composition root put there."""
    opened: Door = request.app.state.door
    return opened


async def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(description=_KEY_MEANS, json_schema_extra={**_KEY_SCHEMA, REQUIRED: True}),
    ] = None,
) -> str:
    """The caller's key. Raises Problem idempotency_key_missing or idempotency_key_invalid."""
    if idempotency_key is None:
        raise Problem("idempotency_key_missing")
    if not _KEY.fullmatch(idempotency_key):
        raise Problem("idempotency_key_invalid")
    return idempotency_key


async def optional_idempotency_key(
    idempotency_key: Annotated[
        str | None, Header(description=_KEY_MEANS, json_schema_extra=_KEY_SCHEMA)
    ] = None,
) -> str | None:
    """The caller's key where they have one. Raises Problem idempotency_key_invalid."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise Problem("idempotency_key_invalid")
    return idempotency_key


async def patience(
    prefer: Annotated[
        str | None, Header(description="`respond-async`, or `wait=N` seconds, at most 30.")
    ] = None,
) -> float:
    """How long (seconds) the caller wants to wait for an outcome."""
    if prefer is None:
        return WAIT_S
    if "respond-async" in prefer:
        return 0.0
    wait = _WAIT.search(prefer)
    return min(float(wait[1]), WAIT_MAX_S) if wait else WAIT_S


OpenDoor = Annotated[Door, Depends(door)]
IdempotencyKey = Annotated[str, Depends(idempotency_key)]
OptionalIdempotencyKey = Annotated[str | None, Depends(optional_idempotency_key)]
Patience = Annotated[float, Depends(patience)]

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


def route_of(movement: Movement) -> APIRouter:
    """The route that asks for this movement."""

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

        row, new = await _accepted(movement, command, caller, opened, key, pin_proved)
        outcome = await opened.starter.outcome(caller.tenant, row, new=new, wait_s=wait_s)
        return answer(row, outcome, replayed=not new)

    ask.__annotations__["command"] = movement.command  # FastAPI reads the body's type here.
    router = APIRouter(tags=["movements"])
    router.post(
        f"/movements/{movement.name}",
        name=movement.name,
        summary=movement.title,
        status_code=201,
        responses=ANSWERS,
    )(ask)
    return router


def answer(row: CommandRow, outcome: Mapping[str, Any] | None, *, replayed: bool) -> JSONResponse:
    """A movement's outcome as an HTTP answer."""
    resource = movement_of(row, outcome)
    state, headers = resource["state"], {"Location": resource["links"]["self"]}
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
    return JSONResponse(resource, 201 if state == "posted" else 202, headers=headers)


async def _accepted(
    movement: Movement,
    command: Command,
    caller: Caller,
    opened: Door,
    key: str,
    pin_proved: Callable[[Wallet], Awaitable[None]],
) -> tuple[CommandRow, bool]:
    """Check what can be checked beforehand, and keep the command under its key."""
    written = command.canonical()
    row = CommandRow(
        movement_id=mint(),
        tenant_id=caller.tenant.id,
        type=movement.name,
        body=written,
        note=command.note,
        actor=caller.actor.subject,
        client=caller.client,
        granted=sorted(movement.grants & caller.scopes),
        summary="",
        accepted_at=datetime.now(UTC),
        state="accepted",
        outcome=None,
        fingerprint=fingerprint_of(movement.name, written, command.note),
        roles=list(caller.actor.roles),
        attributes=dict(caller.actor.attributes),
        act=list(caller.actor.act),
    )
    names = [str(name) for name in command.wallets().values()]
    named = await opened.personal.named(caller.tenant.slug, names)
    try:
        async with scoped(opened.pool, caller.tenant.id) as connection:
            found = await wallets.find(connection, caller.tenant.id, named)
            if len(found) < len(set(names)):
                kept = await opened.commands.repeated(connection, row, key)
                if kept is not None:
                    return kept, False
                raise _unknown(command, found)
        parties = {role: found[str(name)] for role, name in command.wallets().items()}
        _check(movement, command, parties, caller)
        if movement.asked_by is not None:
            await pin_proved(parties[movement.asked_by])
        resolved = command.resolved({name: wallet.id for name, wallet in found.items()})
        numbers = [await _number(opened, caller, wallet) for wallet in parties.values()]
        summary = summary_of(movement, command, numbers)
        accepted = replace(row, body=resolved.canonical(), summary=summary)
        return await opened.commands.accept(accepted, key)
    except IdempotencyKeyReusedError:
        raise Problem("idempotency_key_reused") from None


def _unknown(command: Command, found: Mapping[str, Wallet]) -> Problem:
    missing = [
        {"pointer": f"/{field}", "in": "body", "code": "wallet_not_found", "detail": "unknown"}
        for field in type(command).parties
        if str(getattr(command, field)) not in found
    ]
    return Problem("wallet_not_found", REFUSALS["wallet_not_found"], errors=missing)


def _check(
    movement: Movement, command: Command, parties: Mapping[str, Wallet], caller: Caller
) -> None:
    """Who may ask, and what no movement can be: nothing is written where this raises Problem."""
    payer = parties[movement.asked_by] if movement.asked_by else None
    own = payer is not None and payer.owner == caller.actor.subject
    if payer is not None and not own and movement.scope_on_behalf not in caller.scopes:
        raise Problem("not_your_wallet")
    if len({wallet.id for wallet in parties.values()}) < len(parties):
        raise Problem("same_party", REFUSALS["same_party"])
    kinds = {role.name: role.kinds for role in type(command).parties.values()}
    for role, wallet in parties.items():
        if wallet.kind not in kinds[role]:
            raise Problem("wallet_kind_invalid", f"the {role} has a {wallet.kind} wallet")
        if wallet.currency != command.amount.currency:
            raise Problem("currency_mismatch", f"the {role}'s wallet is in {wallet.currency}")


async def _number(opened: Door, caller: Caller, wallet: Wallet) -> str | None:
    try:
        return await opened.personal.number(caller.tenant.slug, wallet)
    except NoKeyError:
        return None


def summary_of(movement: Movement, command: Command, numbers: Sequence[str | None]) -> str:
    """One line for whoever looks at the workflow, with no more of a number than its ends."""
    amount = Money(command.amount.minor, command.amount.currency)
    named = " → ".join(_masked(number) for number in numbers)
    return f"{movement.title} {amount}" + (f", {named}" if named else "")


def _masked(msisdn: str | None) -> str:
    if msisdn is None:
        return "••••"
    digits = msisdn.removeprefix("+")
    return f"{digits[:4]}••••{digits[-4:]}"
