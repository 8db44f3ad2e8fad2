"""The people of the demo tenant: who they are, what they may do, and which wallet they have."""

from dataclasses import dataclass

from api.scopes import scopes
from api.security import READ_ALL

CLIENT = "mmo-cli"
"""The client that development tokens are issued to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One of the demo's people."""

    subject: str
    name: str
    scopes: frozenset[str]
    wallet: str | None = None
    msisdn: str = ""


_OWN = {"movements:read", "wallets:read"}
_CUSTOMER = frozenset(_OWN | {"movements:p2p-transfer", "movements:cash-out", "wallets:write"})

PEOPLE = (
    Person(subject="operator", name="Back office", scopes=frozenset(scopes())),
    Person(
        subject="checker",
        name="Second pair of eyes",
        scopes=frozenset({*_OWN, READ_ALL, "emoney:release", "emoney:settle"}),
    ),
    Person(
        subject="super-agent-1",
        name="Savanna Distribution",
        scopes=frozenset(_OWN | {"movements:float-top-up", "movements:emoney-redemption"}),
        wallet="super_agent",
        msisdn="+254700000100",
    ),
    Person(
        subject="agent-1",
        name="Corner Shop",
        scopes=frozenset(_OWN | {"movements:cash-in"}),
        wallet="agent",
        msisdn="+254700000010",
    ),
    Person(
        subject="alice",
        name="Alice",
        scopes=_CUSTOMER,
        wallet="customer",
        msisdn="+254700000001",
    ),
    Person(
        subject="bob",
        name="Bob",
        scopes=_CUSTOMER,
        wallet="customer",
        msisdn="+254700000002",
    ),
)


def person(subject: str) -> Person:
    """Find one of the people. Raises KeyError."""
    return {one.subject: one for one in PEOPLE}[subject]
