"""Decide a step of a movement: put it to checks and rules, price it, and write its posting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from mmo.bep.listener import BusinessEventListener, Consideration
from mmo.bep.verdict import Ask, merged, unmet
from mmo.kernel.refusals import REFUSALS
from mmo.ledger.posting import Instance as LedgerInstance
from mmo.ledger.posting import Kind, Leg, Posting
from mmo.movements.support.accounts import Account, Chart, Chosen, Instance, Party
from mmo.movements.support.checks import Considered, checked, checked_joined
from mmo.movements.support.claims import Claim
from mmo.movements.support.command import Command
from mmo.movements.support.facts import AccountFacts, Facts
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.posting_rule import NegativeLineError
from mmo.movements.support.quoting import claims_of
from mmo.movements.support.record import Decided, record_of
from mmo.movements.support.rules import event_of, rule_facts_of
from mmo.movements.support.suspending import suspended
from mmo.movements.support.undoing import undone_of
from mmo.movements.support.worth import worth_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A decided step, ready for the one writer: the posting, and the event that it raises."""

    posting: Posting
    event_type: str
    event: dict[str, Any]
    """Full content, but for what only the posting knows: journal number, outcome and balances."""
    state: str
    """The movement's state once the posting is accepted."""
    claims: tuple[Claim, ...] = ()
    """What it takes, or gives back where an amount is negative."""
    answers: bool
    actor: str
    accepted: bytes
    """The fingerprint of the command as it was accepted: the books compare it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillAsked:
    """What was set aside stays so: rules ask for more agreement than there is."""

    asks: tuple[Ask, ...]
    record: dict[str, Any]


_STATES = {Verb.RESERVE: "pending_approval", Verb.RELEASE: "refused"}
"""The movement's state after the verbs that do not post: else it is the step's own."""


def fingerprint(request: Request, verb: Verb) -> bytes:
    """What makes two requests for a step the same: type, step and canonical command, no facts."""
    seen: list[object] = [request.movement, verb.number(request.step), request.command]
    if request.joined or request.bank_reference:
        seen += [request.joined, request.bank_reference]
    return sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).digest()


def decide(
    movement: Movement,
    command: Command,
    request: Request,
    verb: Verb,
    facts: Facts,
    listener: BusinessEventListener,
) -> Draft | StillAsked:
    """Decide one step on one set of facts; a refusal is a draft of kind REFUSE.

    The answer depends on the arguments alone, but for the microseconds that rules took.
    """
    step = movement.step(request.step)
    if verb is Verb.RELEASE:
        back = _given_back(movement, step, command, request, facts)
        return _draft(movement, command, request, facts, back)
    said = _asked(movement, command, request, facts, listener)
    worth = worth_of(movement, command, request, facts)
    if lacking := unmet(asks := merged(request.asked, said.asks), request.approvals):
        verb = Verb.RESERVE if verb is Verb.EXECUTE else verb
    undone = undone_of(movement, command, request, verb, facts)
    if undone.waits and verb is Verb.EXECUTE and request.step == 1:
        verb = Verb.RESERVE
        undone = undone_of(movement, command, request, verb, facts)
    if undone.prices is not None:
        worth = replace(worth, prices=undone.prices)
    admitted = _admitted(movement, step, command, request, facts)
    considered = (*admitted, *worth.considered, *undone.considered)
    refused = next((one.verdict for one in considered if one.verdict != "allow"), None)
    refused = refused or undone.refusal
    refused = refused or next((_published(one.code) for one in said.violations), None)
    legs: tuple[Leg, ...] = ()
    if refused is None:
        try:
            filled = _legs(command, request, step, worth.prices, facts, verb)
            legs = undone.legs if step.undoes else tuple(filled)
        except NegativeLineError as error:
            negative = Considered(check="posting", verdict="amount_invalid", reason=str(error))
            considered, refused = (*considered, negative), negative.verdict
    decided = Decided(
        kind=Kind.REFUSE if refused else _kind(verb, step, command),
        verb=verb,
        legs=legs,
        worth=worth,
        undone=undone,
        considered=considered,
        said=said,
        asks=asks,
        open=lacking,
        refusal=refused,
    )
    still = (lacking and verb is Verb.SETTLE) or (undone.waits and verb is not Verb.RESERVE)
    if still and refused is None:
        record = record_of(movement, command, request, facts, decided)
        return StillAsked(asks=lacking and asks, record=record)
    return _draft(movement, command, request, facts, decided)


def _given_back(
    movement: Movement, step: Step, command: Command, request: Request, facts: Facts
) -> Decided:
    """What was set aside is free again; where nothing could be, the refusal alone is recorded."""
    voids = step.reserves and command.sets_aside
    return Decided(
        kind=Kind.VOID if voids else Kind.REFUSE,
        verb=Verb.RELEASE,
        undone=undone_of(movement, command, request, Verb.RELEASE, facts),
        refusal=None if voids else request.because,
    )


def _admitted(
    movement: Movement, step: Step, command: Command, request: Request, facts: Facts
) -> Iterator[Considered]:
    """What must be so whatever the operator's rules say, and what the operator has suspended."""
    yield from suspended(movement, step, command, facts)
    if request.step == 1 or movement.decides(request.step):
        yield from checked(command, facts)
    yield from checked_joined(step.joins, request.joined, command, facts)


def _asked(
    movement: Movement,
    command: Command,
    request: Request,
    facts: Facts,
    listener: BusinessEventListener,
) -> Consideration:
    """What the operator's rules say, where the step is the one that they are asked about."""
    if not movement.decides(request.step):
        return Consideration()
    event = event_of(movement, command, request, facts)
    return listener.before(event, rule_facts_of(command, facts), facts.rules)


def _published(code: str) -> str:
    """A plug-in's own code is told among the violations; the refusal has a published one."""
    return code if code in REFUSALS else "rule_refused"


def _kind(verb: Verb, step: Step, command: Command) -> Kind:
    """What the ledger does. Where nobody's debit can be set aside, settling simply posts."""
    if verb is Verb.SETTLE:
        return Kind.CAPTURE if step.reserves and command.sets_aside else Kind.POST
    return Kind.HOLD if verb is Verb.RESERVE else Kind.POST


def _legs(
    command: Command, request: Request, step: Step, prices: Mapping[str, int], facts: Facts,
    verb: Verb,
) -> Iterator[Leg]:  # fmt: skip
    wallets = {**command.wallets(), **request.joined}
    for account, minor in step.rule.fill(prices):
        found = _account(account, command, wallets, facts)
        if isinstance(found, AccountFacts):
            reserve = verb is Verb.RESERVE and minor < 0
            yield Leg(
                account=found.id,
                amount=minor,
                role=str(account),
                reserve=reserve,
                facts_version=found.version,
            )
        else:
            yield Leg(account=found, amount=minor, role=_name(account, command))


def _account(
    account: Account, command: Command, wallets: Mapping[str, str], facts: Facts
) -> AccountFacts | int | LedgerInstance:
    match account:
        case Party(role, product):
            return facts.wallets[_wallet_of(role, wallets, facts)].accounts[product]
        case Chart(code):
            return facts.chart[code, command.amount.currency]
        case Chosen(field):
            chosen = account.chart(getattr(command, field))
            return facts.chart[chosen.code, command.amount.currency]
        case Instance(code):
            return LedgerInstance(code, command.amount.currency)


def _wallet_of(role: str, named: Mapping[str, str], facts: Facts) -> str:
    """The wallet in a role: named by the command or an answer, or of those above the agent."""
    return named[role] if role in named else facts.wallets[named["agent"]].earners[role]


def _claims(
    movement: Movement, command: Command, request: Request, decided: Decided
) -> Iterator[Claim]:
    """What the step that decides takes: with its posting or hold; the hold's release gives back."""
    for claim in decided.undone.claims:
        if claim.amount < 0 or decided.kind is not Kind.REFUSE:
            yield claim
    if not movement.decides(request.step) or decided.verb is Verb.SETTLE:
        return
    for claim in (*claims_of(request.envelope.quoted), *command.claims()):
        if decided.verb is Verb.RELEASE:
            yield replace(claim, amount=-claim.amount)
        elif decided.kind is not Kind.REFUSE:
            yield claim


def _name(account: Account, command: Command) -> str:
    """What the leg's account is called there."""
    if isinstance(account, Chosen):
        return str(account.chart(getattr(command, account.field)))
    return str(account)


def _told(movement: Movement, step: Step, prices: Mapping[str, int]) -> dict[str, int]:
    """What the movement costs: where money goes back, only what its first step took stays taken."""
    first = movement.step(movement.decided_at).rule.symbols
    return {one: n for one, n in prices.items() if step.state != "refused" or one in first}


def _draft(
    movement: Movement, command: Command, request: Request, facts: Facts, decided: Decided
) -> Draft:
    envelope, step, verb = request.envelope, movement.step(request.step), decided.verb
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
        usage=decided.worth.usage if decided.legs else (),
        hold_step=(
            Verb.RESERVE.number(request.step) if decided.kind in (Kind.CAPTURE, Kind.VOID) else None
        ),
        refusal=decided.refusal,
        rules_version=facts.rules_version,
        on_balance=decided.undone.on_balance and decided.kind in (Kind.POST, Kind.HOLD),
        meta=record_of(movement, command, request, facts, decided),
    )
    event = {
        "movement": envelope.movement,
        "type": movement.name,
        "step": request.step,
        "business_event": {"entity": movement.entity, "action": movement.action},
        "amount": {"value": command.amount.value, "currency": command.amount.currency},
        "amount_minor": command.amount.minor,
        "parties": {**command.wallets(), **request.joined},
        "requested_at": envelope.requested_at,
        "client": envelope.actor.client,
        "prices": _told(movement, step, decided.worth.prices),
        "because": request.because,
        **decided.undone.told,
    }
    otherwise = movement.state_if_refused(step)
    if verb is Verb.SETTLE:  # what was set aside still is, until it is given back
        otherwise = _STATES[Verb.RESERVE]
    if otherwise != "refused" and verb is not Verb.RELEASE and decided.undone.refusal is None:
        event["otherwise"] = otherwise
    return Draft(
        posting=posting,
        event_type=movement.event_type(request.step),
        event=event,
        state="pending_partner" if decided.short else _STATES.get(verb, step.state),
        claims=tuple(_claims(movement, command, request, decided)),
        answers=request.answers or verb is Verb.RESERVE or decided.refusal is not None,
        actor=envelope.actor.subject,
        accepted=facts.accepted.fingerprint if facts.accepted else b"",
    )
