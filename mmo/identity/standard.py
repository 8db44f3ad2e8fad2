"""The roles that every tenant begins with."""

from collections.abc import Iterable, Mapping

ADMINISTRATOR, CLERK, CHECKER = 1, 2, 3
CUSTOMER, AGENT, SUPER_AGENT, MERCHANT = 10, 11, 12, 13
AUDITOR = 20

OWN = frozenset({"movements:read", "wallets:read"})
CUSTOMER_SCOPES = OWN | {
    "movements:p2p-transfer", "movements:cash-out", "movements:merchant-payment", "wallets:write",
    "movements:voucher", "movements:payment-request:answer", "movements:escrow",
    "movements:escrow:release", "authorisation-codes:write",
}  # fmt: skip
AGENT_SCOPES = OWN | {
    "movements:cash-in", "movements:float-return", "movements:float-rebalancing",
    "movements:commission-payout", "movements:voucher:redeem",
}  # fmt: skip
SUPER_AGENT_SCOPES = OWN | {
    "movements:float-top-up", "movements:float-return", "movements:emoney-redemption",
    "movements:commission-payout",
}  # fmt: skip
MERCHANT_SCOPES = OWN | {
    "movements:refund", "movements:payment-request", "movements:escrow:cancel",
}  # fmt: skip
CHECKER_SCOPES = OWN | {
    "movements:read:all", "emoney:release", "emoney:settle", "emoney:unclaimed",
    "identity:activate",
    "wallets:pin:reset:approve", "histories:decode", "approvals:decide", "bep:read", "bep:approve",
    "tariffs:read", "tariffs:approve", "limit-profiles:read", "limit-profiles:approve",
    "suspensions:read", "suspensions:approve", "books:read", "books:close",
}  # fmt: skip
_NOT_FOR_STAFF = frozenset({"super:read", "tenants:read", "tenants:write"})
"""What no role of an ordinary tenant may hold."""
_ADMINISTRATION = (
    "identity:",
    "tenancy:",
    "code-lists:",
    "webhooks:",
    "bep:",
    "tariffs:",
    "limit-profiles:",
)
STAFF_SCOPES = frozenset({"notifications:read", "tasks:read", "tasks:write"})
"""What every role of staff has: an inbox, and tasks of its own."""
READ = frozenset({"movements:read", "movements:read:all", "wallets:read"})

ROLE_OF_WALLET = {
    "customer": "customer",
    "agent": "agent",
    "super_agent": "super-agent",
    "merchant": "merchant",
}
"""Kind of wallet → the role of whoever proves its PIN."""


def standard_roles(scopes: Iterable[str]) -> Mapping[int, tuple[str, frozenset[str]]]:
    """Number → name and permissions, out of every scope there is."""
    every = frozenset(scopes) - _NOT_FOR_STAFF
    administration = frozenset(one for one in every if one.startswith(_ADMINISTRATION))
    return {
        ADMINISTRATOR: (
            "administrator",
            administration | READ | {"histories:decode"} | (STAFF_SCOPES & every),
        ),
        CLERK: ("clerk", every - administration - {"identity:activate"}),
        CHECKER: ("checker", (CHECKER_SCOPES | STAFF_SCOPES) & every),
        CUSTOMER: ("customer", CUSTOMER_SCOPES & every),
        AGENT: ("agent", AGENT_SCOPES & every),
        SUPER_AGENT: ("super-agent", SUPER_AGENT_SCOPES & every),
        MERCHANT: ("merchant", MERCHANT_SCOPES & every),
    }


def super_roles(scopes: Iterable[str]) -> Mapping[int, tuple[str, frozenset[str]]]:
    """The roles of the super-tenant: its staff administer themselves, and read every tenant."""
    every = frozenset(scopes)
    administration = frozenset(one for one in every if one.startswith(_ADMINISTRATION))
    return {
        ADMINISTRATOR: (
            "administrator",
            administration | {"tenants:write", "tenants:read"} & every,
        ),
        CHECKER: ("checker", frozenset({"identity:activate", "identity:read"}) & every),
        AUDITOR: ("auditor", frozenset({"super:read", "tenants:read"}) & every),
    }
