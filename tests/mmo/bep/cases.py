"""Events, facts and offers as processors are asked about them."""

from datetime import UTC, datetime
from typing import Any

from mmo.bep.declared import EVENTS
from mmo.bep.event import BusinessEvent, EventActor, EventKind, Phase
from mmo.bep.facts import Flag, PartyFacts, RuleFacts
from mmo.bep.processor import Offers
from mmo.kernel.money import Money

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
LOAN = {kind.name: kind for kind in EVENTS}
TRANSFER = EventKind(
    entity="wallet",
    action="transfer",
    title="Send money",
    amount=True,
    product=True,
    parties={"payer": "payer", "payee": "payee"},
)
CASH_OUT = EventKind(
    entity="wallet",
    action="cash-out",
    title="Cash-out",
    amount=True,
    parties={"payer": "payer", "agent": "payee"},
)
FREEZE = EventKind(entity="wallet", action="freeze", title="Freeze", parties={"wallet": "any"})
OFFERS = Offers(
    roles={10: "supervisor", 20: "manager", 30: "risk"},
    code_lists={
        "loan-account-flags": {"ABC": True, "DEF": True, "XYZ": True},
        "savings-account-flags": {"DORMANT": True},
        "wallet-flags": {"SUSPECT": True, "OLD": False},
        "agent-flags": {"NO-FLOAT": True},
    },
    tables=("kyc_check", "site_visit"),
    currencies=("KES",),
    digits={"KES": 2},
    events=(*EVENTS, TRANSFER, FREEZE),
)


def event(
    kind: EventKind = TRANSFER,
    minor: int | None = 1000,
    *,
    currency: str = "KES",
    roles: frozenset[str] = frozenset(),
    **told: Any,
) -> BusinessEvent:
    return BusinessEvent(
        kind=kind,
        phase=Phase.PRE,
        id="m-1",
        at=NOW,
        actor=EventActor(subject="amina", client="console", roles=roles),
        amount=None if minor is None else Money(minor, currency),
        **told,
    )


def party(name: str, kind: str = "customer", *flags: Flag) -> PartyFacts:
    return PartyFacts(id=name, kind=kind, state="active", currency="KES", flags=flags)


def facts(values: dict[str, Any] | None = None, **parties: PartyFacts) -> RuleFacts:
    return RuleFacts(
        now=NOW, business_date=NOW.date(), parties=parties, values=values or {"roles//{}": None}
    )
