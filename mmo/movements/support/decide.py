"""Decide a step of a movement: put it to the checks, price it, and write its posting. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from mmo.ledger.posting import Instance as LedgerInstance
from mmo.ledger.posting import Kind, Leg, Posting
from mmo.movements.support.accounts import Account, Chart, Instance, Party
from mmo.movements.support.command import Command
from mmo.movements.support.facts import AccountFacts, Facts
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.posting_rule import NegativeLineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A decided step, ready for the one writer: the posting, and the event that it raises."""

    posting: Posting
    event_type: str
    event: dict[str, Any]
    """Full content, but for what only the posting knows: journal number, outcome and balances."""
    state: str
    """The movement's state once the posting is accepted."""
    answers: bool
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One line of the decision record: what a check said."""

    check: str
    verdict: str
    reason: str = ""

    def row(self) -> dict[str, str]:
        return {"check": self.check, "verdict": self.verdict, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided, before it is written down as a posting."""

    kind: Kind
    legs: tuple[Leg, ...] = ()
    prices: Mapping[str, int] = field(default_factory=dict[str, int])
    considered: tuple[Considered, ...] = ()
    refusal: str | None = None


_KINDS = {Verb.EXECUTE: Kind.POST, Verb.RESERVE: Kind.HOLD, Verb.SETTLE: Kind.CAPTURE}
_STATES = {Verb.RESERVE: "pending_approval", Verb.RELEASE: "refused"}
"""The movement's state after the verbs that do not post: else it is the step's own."""


def fingerprint(request: Request, verb: Verb) -> bytes:
    """What makes two requests for a step the same: type, step and canonical command, no facts."""
    seen = [request.movement, verb.number(request.step), request.command]
    return sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).digest()


def decide(
    movement: Movement, command: Command, request: Request, verb: Verb, facts: Facts
) -> Draft:
    """Decide one step on one set of facts; a refusal is a draft of kind REFUSE.

    The answer depends on the arguments alone.
    """
    step = movement.step(request.step)
    if verb is Verb.RELEASE:
        return _draft(movement, command, request, verb, facts, Decided(kind=Kind.VOID))
    considered = list(_considered(command, facts)) if request.step == 1 else []
    refusal = next((one for one in considered if one.verdict != "allow"), None)
    prices = dict(facts.terms or {"A": command.amount.minor})
    legs: tuple[Leg, ...] = ()
    if refusal is None:
        try:
            legs = tuple(_legs(command, step, prices, facts, hold=verb is Verb.RESERVE))
        except NegativeLineError as error:
            refusal = Considered(check="posting", verdict="amount_invalid", reason=str(error))
            considered.append(refusal)
    decided = Decided(
        kind=Kind.REFUSE if refusal else _KINDS[verb],
        legs=legs,
        prices=prices,
        considered=tuple(considered),
        refusal=refusal.verdict if refusal else None,
    )
    return _draft(movement, command, request, verb, facts, decided)


def _considered(command: Command, facts: Facts) -> Iterator[Considered]:
    """What must be true of every wallet that takes part, and is checked again by the ledger."""
    for role in type(command).parties.values():
        wallet = facts.wallets.get(command.wallets()[role.name])
        if wallet is None:
            yield Considered(
                check=f"{role.name}.known", verdict="wallet_not_found", reason=f"no {role.name}"
            )
            return
        checks = {
            f"{role.name}.kind": ("wallet_kind_invalid", wallet.kind in role.kinds, wallet.kind),
            f"{role.name}.open": ("wallet_closed", wallet.state != "closed", wallet.state),
            f"{role.name}.free": ("wallet_frozen", wallet.state != "frozen", wallet.state),
            f"{role.name}.currency": (
                "currency_mismatch",
                wallet.currency == command.amount.currency,
                wallet.currency,
            ),
        }
        for check, (code, fine, seen) in checks.items():
            reason = f"the {role.name}'s wallet is {seen}"
            yield Considered(check=check, verdict="allow" if fine else code, reason=reason)


def _legs(
    command: Command, step: Step, prices: dict[str, int], facts: Facts, *, hold: bool
) -> Iterator[Leg]:
    for account, minor in step.rule.fill(prices):
        found = _account(account, command, facts)
        if isinstance(found, AccountFacts):
            reserve = hold and minor < 0
            yield Leg(
                account=found.id,
                amount=minor,
                role=str(account),
                reserve=reserve,
                facts_version=found.version,
            )
        else:
            yield Leg(account=found, amount=minor, role=str(account))


def _account(
    account: Account, command: Command, facts: Facts
) -> AccountFacts | int | LedgerInstance:
    match account:
        case Party(role, product):
            return facts.wallets[command.wallets()[role]].accounts[product]
        case Chart(code):
            return facts.chart[code, command.amount.currency]
        case Instance(code):
            return LedgerInstance(code, command.amount.currency)


def _draft(
    movement: Movement,
    command: Command,
    request: Request,
    verb: Verb,
    facts: Facts,
    decided: Decided,
) -> Draft:
    envelope, step = request.envelope, movement.step(request.step)
    record = {
        "movement": movement.name,
        "step": request.step,
        "event": step.event,
        "considered": [one.row() for one in decided.considered],
        "prices": dict(decided.prices),
        "tariff": None,
        "rules_version": facts.rules_version,
        "wallets": {role: _seen(facts, wallet) for role, wallet in command.wallets().items()},
        "decided_at": facts.now.isoformat(),
        "because": request.because,
    }
    posting = Posting(
        tenant_id=envelope.tenant_id,
        txn=UUID(envelope.movement),
        step=verb.number(request.step),
        kind=decided.kind,
        code=movement.name,
        fingerprint=fingerprint(request, verb),
        effective_at=facts.now,
        business_date=facts.business_date,
        legs=decided.legs,
        hold_step=(
            Verb.RESERVE.number(request.step) if decided.kind in (Kind.CAPTURE, Kind.VOID) else None
        ),
        refusal=decided.refusal,
        rules_version=facts.rules_version,
        meta=record,
    )
    event = {
        "movement": envelope.movement,
        "type": movement.name,
        "step": request.step,
        "business_event": {"entity": movement.entity, "action": movement.action},
        "amount": {"value": command.amount.value, "currency": command.amount.currency},
        "amount_minor": command.amount.minor,
        "parties": command.wallets(),
        "requested_at": envelope.requested_at,
        "client": envelope.actor.client,
        "prices": dict(decided.prices),
        "because": request.because,
    }
    return Draft(
        posting=posting,
        event_type=movement.event_type(request.step),
        event=event,
        state=_STATES.get(verb, step.state),
        answers=request.answers,
        actor=envelope.actor.subject,
    )


def _seen(facts: Facts, wallet: str) -> dict[str, object]:
    known = facts.wallets.get(wallet)
    if known is None:
        return {"id": wallet}
    versions = {product: account.version for product, account in known.accounts.items()}
    return {"id": wallet, "kind": known.kind, "state": known.state, "facts": versions}
