"""What a condition sees of an event, and of what is known with it."""

from typing import Any

from mmo.bep.event import BusinessEvent
from mmo.bep.facts import RuleFacts


def known(event: BusinessEvent, facts: RuleFacts) -> dict[str, Any]:
    """What an expression sees."""
    return {
        "event": _event(event),
        "parties": _parties(facts),
        "facts": {"now": facts.now, "business_date": facts.business_date.isoformat()},
    }


def _event(event: BusinessEvent) -> dict[str, Any]:
    amount = event.amount
    return {
        "entity": event.kind.entity,
        "action": event.kind.action,
        "product": event.product,
        "amount": amount
        and {"minor": amount.minor, "value": amount.value, "currency": amount.currency},
        "actor": {
            "subject": event.actor.subject,
            "client": event.actor.client,
            "roles": sorted(event.actor.roles),
            "attributes": dict(event.actor.attributes),
        },
        "data": dict(event.data),
    }


def _parties(facts: RuleFacts) -> dict[str, Any]:
    return {
        role: {
            "kind": party.kind,
            "state": party.state,
            "product": party.product,
            "tier": party.tier,
            "currency": party.currency,
            "flags": sorted({flag.code for flag in party.flags if flag.holds(facts.now)}),
        }
        for role, party in facts.parties.items()
    }
