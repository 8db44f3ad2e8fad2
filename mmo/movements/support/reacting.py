"""An event of the feed as reactors see it, and the facts that they are asked on. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from mmo.bep.asking import asked_for, party_of
from mmo.bep.catalogue import Catalogue
from mmo.bep.event import BusinessEvent, EventActor, EventKind, Phase
from mmo.bep.facts import RuleFacts
from mmo.bep.snapshot import Rule
from mmo.kernel.money import Money
from mmo.messaging.event import Event

PARTS_LEFT_OUT = frozenset({"legs", "held", "record", "detail", "parties", "prices"})
"""What a business event carries elsewhere, or not at all."""
SEALED = "enc:"


def kind_of(event: Event, catalogue: Catalogue) -> EventKind | None:
    """The business event that an event of the feed tells; None where it tells none.

    A movement tells it once: when it is posted. Where it asks somebody before, it tells that too.
    """
    if event.aggregate != "movement":
        return catalogue.told_by(event.type)
    if event.data["outcome"] != "posted":
        return None
    if event.data["state"] != "posted":
        asked = catalogue.told_by(event.type)
        return asked if asked and asked.phases == frozenset({Phase.POST}) else None
    told = event.data["business_event"]
    return catalogue.kinds.get(f"{told['entity']}.{told['action']}")


def parties_of(event: Event, kind: EventKind) -> dict[str, str]:
    """Role → wallet."""
    told: Mapping[str, Any] = event.data.get("parties") or {}
    if not told and event.aggregate == "wallet":
        told = {"wallet": event.aggregate_id}
    return {role: str(told[role]) for role in kind.parties if role in told}


def product_of(
    event: Event, parties: Mapping[str, str], products: Mapping[str, int | None]
) -> int | None:
    """The product whose rules count: as it was recorded, or else the first party's.

    `products`: wallet → its product.
    """
    record: Mapping[str, Any] = event.data.get("record") or event.data
    if "product" in record:
        return record["product"]
    found = (products.get(wallet) for wallet in parties.values())
    return next((product for product in found if product is not None), None)


def business_event(
    event: Event, kind: EventKind, parties: Mapping[str, str], product: int | None
) -> BusinessEvent:
    """The event, there, as reactors see it. Sealed texts stay out."""
    data = event.data
    minor, amount = data.get("amount_minor"), data.get("amount")
    told = {
        name: value
        for name, value in data.items()
        if name not in PARTS_LEFT_OUT and not str(value).startswith(SEALED)
    }
    return BusinessEvent(
        kind=kind,
        phase=Phase.POST,
        id=str(event.id),
        at=event.occurred_at,
        actor=_actor(event),
        product=product,
        amount=Money(minor, amount["currency"]) if minor is not None and amount else None,
        parties=parties,
        data=told,
    )


def needs_of(
    rule: Rule, event: Event, kind: EventKind, parties: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What `bep.facts` is asked for the rule; it answers under the event's id."""
    actor = _actor(event)
    return [
        asked_for(need, kind.name, str(event.id), parties, actor.subject, actor.attributes)
        for need in rule.needs
    ]


def facts_of(
    read: Mapping[str, Any], parties: Mapping[str, str], values: Mapping[str, Any]
) -> RuleFacts:
    """The facts, of what `movements.facts` and `bep.facts` answered."""
    wallets = {wallet["id"]: party_of(wallet) for wallet in read["wallets"]}
    return RuleFacts(
        now=datetime.fromisoformat(read["now"]),
        business_date=date.fromisoformat(read["business_date"]),
        parties={role: wallets[one] for role, one in parties.items() if one in wallets},
        values=values,
    )


def _actor(event: Event) -> EventActor:
    record: Mapping[str, Any] = event.data.get("record") or event.data
    told: Any = record.get("actor")
    actor: Mapping[str, Any] = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    return EventActor(
        subject=event.actor,
        client=str(event.data.get("client", "")),
        roles=frozenset(actor.get("roles", ())),
        attributes=actor.get("attributes", {}),
    )
