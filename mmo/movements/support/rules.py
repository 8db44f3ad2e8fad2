"""A movement as its rules see it: the business event, and the facts that they are decided on."""

from collections.abc import Mapping
from typing import Any

from mmo.bep.asking import asked_for
from mmo.bep.event import BusinessEvent, EventActor, EventKind, Phase
from mmo.bep.facts import RuleFacts
from mmo.bep.snapshot import Snapshot
from mmo.kernel.envelope import Envelope
from mmo.movements.support.business_events import kind_of
from mmo.movements.support.command import Command
from mmo.movements.support.facts import Facts
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Request


def event_of(movement: Movement, command: Command, request: Request, facts: Facts) -> BusinessEvent:
    """The event that the movement is about to be."""
    parties = {role: str(wallet) for role, wallet in command.wallets().items()}
    return BusinessEvent(
        kind=kind_of(movement),
        phase=Phase.PRE,
        id=request.envelope.movement,
        at=facts.now,
        actor=actor_of(request.envelope),
        product=product_of(movement, parties, facts),
        amount=command.amount,
        parties=parties,
        data={"movement": movement.name},
    )


def actor_of(envelope: Envelope) -> EventActor:
    """Who asked, as rules see them."""
    actor = envelope.actor
    return EventActor(
        subject=actor.subject,
        client=actor.client,
        roles=frozenset(actor.roles),
        attributes=actor.attributes,
    )


def product_of(movement: Movement, parties: Mapping[str, str], facts: Facts) -> int | None:
    """The product of the wallet that asks, or else of the first one that takes part."""
    role = movement.asked_by or next(iter(parties), None)
    wallet = facts.wallets.get(parties[role]) if role else None
    return wallet.product if wallet else None


def rule_facts_of(command: Command, facts: Facts) -> RuleFacts:
    """What the rules of a movement are decided on."""
    found = {role: facts.wallets.get(str(wallet)) for role, wallet in command.wallets().items()}
    return RuleFacts(
        now=facts.now,
        business_date=facts.business_date,
        parties={role: wallet for role, wallet in found.items() if wallet},
        values=facts.values,
    )


def needs_of(
    rules: Snapshot, kind: EventKind, request: Request, parties: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What `bep.facts` is asked for the rules of a movement's event."""
    movement, actor = request.envelope.movement, request.envelope.actor
    return [
        asked_for(need, kind.name, movement, parties, actor.subject, actor.attributes)
        for need in rules.needs(kind.name, Phase.PRE)
    ]
