"""The demo's tenants and people: who they are, what they may do, and which wallet they have."""

from dataclasses import dataclass

from api.scopes import SUPER_READ, scopes
from mmo.identity.standard import CHECKER_SCOPES, CUSTOMER_SCOPES, OWN, STAFF_SCOPES
from mmo.kernel.identifiers import TenantId
from mmo.tenancy.tenant import Tenant

APP = "demo-app"
"""The operator's own app: the trusted channel that customers and agents log in through."""
CONSOLE = "console"
"""Where staff come from to the log-in page."""
ENTRY = "entry"
"""By which a super-tenant's staff enter."""
PIN = "4071"
"""Of everybody in the demo, and of nobody else."""


FLAGS = {
    "wallet-flags": {
        "XYZ": "Under investigation", "ABC": "Court order", "DEF": "Special customer",
    },
    "loan-account-flags": {"XYZ": "Disputed", "ABC": "Restructured"},
}  # fmt: skip
"""Code list → code → what it means: what a wallet, or later a loan, can be flagged with."""


def _tenant(number: int, slug: str, name: str, kind: str = "operator") -> Tenant:
    return Tenant(
        id=TenantId(number), slug=slug, name=name, timezone="Africa/Nairobi", country="KE",
        currencies=("KES",) if kind == "operator" else (), kind=kind,
    )  # fmt: skip


DEMO = _tenant(1, "demo", "Demo Mobile Money")
DEMO2 = _tenant(2, "demo2", "Second Mobile Money")
SUPER = _tenant(3, "super", "Group of Operators", "super")
TENANTS = (DEMO, DEMO2, SUPER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A program of the back office, which proves itself by a secret."""

    id: str
    name: str
    scopes: frozenset[str]
    roles: frozenset[str] = frozenset()
    """Those that it holds as itself: whose approval rules may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a wallet, who logs in by number and PIN."""

    subject: str
    name: str
    wallet: str
    msisdn: str


_NOT_AN_OPERATORS = {SUPER_READ, "tenants:read", "tenants:write"}
MACHINES = (
    Machine(
        id="operator",
        name="Back office",
        scopes=frozenset(scopes()) - _NOT_AN_OPERATORS - {"identity:activate"},
        roles=frozenset({"clerk"}),
    ),
    Machine(
        id="checker",
        name="Second pair of eyes",
        scopes=OWN | CHECKER_SCOPES | STAFF_SCOPES,
        roles=frozenset({"checker"}),
    ),
)
SUPER_MACHINES = (
    Machine(
        id="auditor", name="Auditor of the group", scopes=frozenset({SUPER_READ, "tenants:read"})
    ),
    Machine(
        id="platform",
        name="Who opens tenants",
        scopes=frozenset({"tenants:read", "tenants:write", "identity:read", "identity:write"}),
    ),
)
PEOPLE = (
    Person(subject="super-agent-1", name="Savanna Distribution", wallet="super_agent",
           msisdn="+254700000100"),
    Person(subject="agent-1", name="Corner Shop", wallet="agent", msisdn="+254700000010"),
    Person(subject="alice", name="Alice", wallet="customer", msisdn="+254700000001"),
    Person(subject="bob", name="Bob", wallet="customer", msisdn="+254700000002"),
)  # fmt: skip
assert frozenset(scopes()) >= CUSTOMER_SCOPES


def machines(tenant: Tenant) -> tuple[Machine, ...]:
    """The programs of a tenant."""
    return SUPER_MACHINES if tenant.kind == "super" else MACHINES


def people(tenant: Tenant) -> tuple[Person, ...]:
    """Those who have wallets at a tenant; a super-tenant keeps none."""
    return () if tenant.kind == "super" else PEOPLE
