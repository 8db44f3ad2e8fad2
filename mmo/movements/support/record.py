"""The decision record: on what a step was decided, and what each rule said. Ids only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmo.bep.listener import Consideration
from mmo.bep.verdict import Ask
from mmo.ledger.posting import Kind, Leg
from mmo.movements.support.checks import SUSPENSION, Considered
from mmo.movements.support.command import Command, PricedCommand
from mmo.movements.support.facts import Facts, WalletFacts
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.pricing import earners_of
from mmo.movements.support.rules import product_of
from mmo.movements.support.undoing import NOT_UNDONE, Undone
from mmo.movements.support.worth import NOTHING, Worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided, before it is written down as a posting."""

    kind: Kind
    verb: Verb
    """The verb that it comes to: what rules ask approval for is reserved instead of executed."""
    legs: tuple[Leg, ...] = ()
    worth: Worth = NOTHING
    undone: Undone = NOT_UNDONE
    considered: tuple[Considered, ...] = ()
    said: Consideration = field(default_factory=Consideration)
    asks: tuple[Ask, ...] = ()
    """Everybody whose agreement was or is asked for."""
    open: tuple[Ask, ...] = ()
    """Of these, what nobody has agreed to yet."""
    refusal: str | None = None

    @property
    def short(self) -> bool:
        """Whether nothing but money is awaited."""
        return self.undone.waits and not self.open

    @property
    def owing(self) -> dict[str, Any]:
        """What a receiver who is short owes from now on, where one does."""
        told = {"lien": self.undone.told["lien"]} if "lien" in self.undone.told else {}
        return told | ({"short": True} if self.short else {})


def record_of(
    movement: Movement, command: Command, request: Request, facts: Facts, decided: Decided
) -> dict[str, Any]:
    """Write the record. Whoever has it can decide again, under these rules or others."""
    named = {**command.wallets(), **request.joined}
    parties = {role: str(wallet) for role, wallet in named.items()}
    record: dict[str, Any] = {
        "movement": movement.name,
        "step": request.step,
        "event": movement.step(request.step).event,
        "considered": [one.row() for one in decided.considered],
        "prices": dict(decided.worth.prices),
        "tariff": decided.worth.tariff,
        "rules_version": facts.rules_version,
        "wallets": {role: _seen(facts, wallet) for role, wallet in parties.items()},
        "decided_at": facts.now.isoformat(),
        "because": request.because,
    }
    if request.bank_reference:
        record["bank_reference"] = request.bank_reference
    record |= decided.owing
    if request.answer:
        record["answer"] = request.answer
    if not movement.decides(request.step):
        return record
    record |= {
        "business_event": f"{movement.entity}.{movement.action}",
        "product": product_of(movement, parties, facts),
        "amount": {"minor": command.amount.minor, "currency": command.amount.currency},
        "business_date": facts.business_date.isoformat(),
        "actor": _actor(request),
        "rules": decided.said.rows(),
        "facts": dict(facts.values),
    }
    if request.envelope.quoted is not None:
        record["quote"] = request.envelope.quoted.id
    if isinstance(command, PricedCommand) and "agent" in parties:
        record["earners"] = sorted(earners_of(movement, command, facts))
    if "takes_back" in decided.undone.told:
        record["takes_back"] = decided.undone.told["takes_back"]
    if decided.worth.profiles:
        record["limits"] = list(decided.worth.profiles)
    if violations := [*_suspensions(decided), *decided.said.told_violations()]:
        record["violations"] = violations
    if decided.asks:
        record["asks"] = [ask.row() for ask in decided.asks]
        record["open"] = [ask.row() for ask in decided.open]
        record["approvals"] = [
            {"subject": one.subject, "roles": list(one.roles)} for one in request.approvals
        ]
    return record


def _suspensions(decided: Decided) -> list[dict[str, Any]]:
    """A suspension is told with its reason, like a rule's refusal."""
    return [
        {"code": one.verdict, "reason": one.reason, "details": {}, "processor": one.check,
         "definition": one.of, "version": one.version}
        for one in decided.considered
        if one.check == SUSPENSION
    ]  # fmt: skip


def _actor(request: Request) -> dict[str, Any]:
    actor = request.envelope.actor
    told: dict[str, Any] = {"subject": actor.subject, "client": actor.client}
    if actor.roles:
        told["roles"] = list(actor.roles)
    if actor.attributes:
        told["attributes"] = dict(actor.attributes)
    return told


def _seen(facts: Facts, wallet: str) -> dict[str, object]:
    known = facts.wallets.get(wallet)
    if known is None:
        return {"id": wallet}
    versions = {product: account.version for product, account in known.accounts.items()}
    seen: dict[str, object] = {
        "id": wallet, "kind": known.kind, "state": known.state, "currency": known.currency,
        "facts": versions,
    }  # fmt: skip
    return {**seen, **_more(known)}


def _more(known: WalletFacts) -> Mapping[str, object]:
    """What rules see beside kind and state, where there is anything to see."""
    more: dict[str, object] = {}
    if known.tier != 1:
        more["tier"] = known.tier
    if known.product is not None:
        more["product"] = known.product
    if known.flags:
        more["flags"] = [
            {"list": flag.list, "code": flag.code, "since": flag.since.isoformat(),
             "until": flag.until.isoformat() if flag.until else None}
            for flag in known.flags
        ]  # fmt: skip
    return more
