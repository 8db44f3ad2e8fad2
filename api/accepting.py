"""Accepting a movement: what is checked beforehand, and how the command is kept."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

from api.preparing import Preparation
from api.problems import Problem
from api.security import Caller
from api.start import Starter
from api.undoing import undoing
from mmo.kernel.envelope import Quoted
from mmo.kernel.identifiers import mint
from mmo.kernel.money import Money
from mmo.kernel.refusals import REFUSALS
from mmo.keys.ports import NoKeyError
from mmo.movements.support.command import Command, PricedCommand
from mmo.movements.support.commands import (
    CommandRow,
    Commands,
    IdempotencyKeyReusedError,
    fingerprint_of,
)
from mmo.movements.support.movement import Movement
from mmo.movements.support.signed_quotes import InvalidQuoteError, SignedQuotes
from mmo.movements.support.take_back import TakeBackBody
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from mmo.wallets.personal import PersonalData
from mmo.wallets.wallet import Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the routes that start movements need."""

    pool: AsyncConnectionPool[Any]
    commands: Commands
    starter: Starter
    personal: PersonalData
    quotes: SignedQuotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A command whose wallets were found, and that the caller may ask for."""

    command: Command
    """Every wallet by its id."""
    parties: Mapping[str, Wallet]
    """By role."""


async def resolved(
    movement: Movement, written: Command | TakeBackBody, caller: Caller, opened: Door
) -> Resolved:
    """Find the wallets of a command, and check who asks. Raises Problem; nothing is written."""
    command = (
        written
        if isinstance(written, Command)
        else await undoing(movement, written, caller.tenant.id, opened.pool)
    )
    names = [str(name) for name in command.wallets().values()]
    named = await opened.personal.named(caller.tenant.slug, names)
    async with scoped(opened.pool, caller.tenant.id) as connection:
        found = await wallets.find(connection, caller.tenant.id, named)
    if len(found) < len(set(names)):
        raise _unknown(command, found)
    parties = {role: found[str(name)] for role, name in command.wallets().items()}
    _check(movement, command, parties, caller)
    ids = {name: wallet.id for name, wallet in found.items()}
    return Resolved(command=command.resolved(ids), parties=parties)


async def accepted(
    movement: Movement,
    written: Command | TakeBackBody,
    caller: Caller,
    opened: Door,
    key: str,
    pin_proved: Callable[[Wallet], Awaitable[None]],
    preparation: Preparation | None = None,
) -> tuple[CommandRow, bool]:
    """Check what can be checked beforehand, and keep the command under its key.

    A repeat is answered with the first one, whatever has become of its wallets and its quote.
    """
    row = _row(movement, written, caller, await preparation.seen() if preparation else "")
    more: Mapping[str, str] = {}
    try:
        try:
            found = await resolved(movement, written, caller, opened)
            quoted = _promised(movement, found.command, caller, opened)
            if preparation is not None:
                more = await preparation.prepare(row.movement_id)
        except Problem:
            if (kept := await opened.commands.kept(row, key)) is not None:
                return kept, False
            raise
        if movement.asked_by is not None:
            await pin_proved(found.parties[movement.asked_by])
        numbers = [await _number(opened, caller, wallet) for wallet in found.parties.values()]
        accepted = replace(
            row,
            body={**found.command.canonical(), **more},
            summary=summary_of(movement, found.command, numbers),
            quoted=asdict(quoted) if quoted else None,
        )
        keep = preparation.keep if preparation else None
        return await opened.commands.accept(accepted, key, keep)
    except IdempotencyKeyReusedError:
        raise Problem("idempotency_key_reused") from None


def _row(
    movement: Movement, command: Command | TakeBackBody, caller: Caller, seen: str
) -> CommandRow:
    """The command as it was asked, before its wallets are found."""
    written = command.canonical()
    if isinstance(command, PricedCommand) and command.quote is not None:
        written["quote"] = command.quote
    if seen:
        written["private"] = seen
    return CommandRow(
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


def _promised(movement: Movement, command: Command, caller: Caller, opened: Door) -> Quoted | None:
    """The terms of the quote that the command names. Raises Problem quote_invalid, -expired."""
    if not isinstance(command, PricedCommand) or command.quote is None:
        return None
    try:
        quoted = opened.quotes.prove(caller.tenant.slug, movement, command, command.quote)
    except InvalidQuoteError as error:
        raise Problem("quote_invalid", str(error)) from None
    if quoted is None:
        raise Problem("quote_expired", REFUSALS["quote_expired"])
    return quoted


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
