"""Facts and requests of a few lines, for tests of decisions."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from mmo.kernel.envelope import Actor, Envelope
from mmo.kernel.identifiers import MovementId, TenantId
from mmo.ledger.chart import OPENED
from mmo.movements.support.facts import AccountFacts, Facts, WalletFacts
from mmo.movements.support.outcome import Request

MOVEMENT = "01a20d90-aad9-74da-86e7-b88028f797b9"
WALLETS = {
    name: str(UUID(int=number)) for number, name in enumerate(("alice", "bob", "agent", "super"), 1)
}
KINDS = {"alice": "customer", "bob": "customer", "agent": "agent", "super": "super_agent"}
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def wallet(name: str, **changes: Any) -> WalletFacts:
    number = list(WALLETS).index(name) + 1
    known = WalletFacts(
        id=WALLETS[name],
        kind=KINDS[name],
        state="active",
        currency="KES",
        owner=name,
        accounts={
            "wallet": AccountFacts(id=number, version=7),
            "commission": AccountFacts(id=number + 100, version=0),
        },
    )
    return replace(known, **changes)


def facts(**changes: WalletFacts) -> Facts:
    wallets = {WALLETS[name]: changes.get(name, wallet(name)) for name in WALLETS}
    chart = {(one.code, "KES"): -number for number, one in enumerate(OPENED, 1)}
    return Facts(
        now=NOW,
        today=date(2026, 11, 24),
        business_date=date(2026, 11, 24),
        rules_version=3,
        wallets=wallets,
        chart=chart,
    )


def request(movement: str, value: str = "10.00", step: int = 1, **parties: str) -> Request:
    command = {field: WALLETS.get(name, name) for field, name in parties.items()}
    return Request(
        envelope=Envelope(
            tenant="demo",
            tenant_id=TenantId(1),
            actor=Actor(subject="alice", client="app"),
            movement=MovementId(MOVEMENT),
            requested_at=NOW.isoformat(),
        ),
        movement=movement,
        command={"amount": {"value": value, "currency": "KES"}, **command},
        step=step,
    )
