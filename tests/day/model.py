"""The balances as the day's people keep them: each movement's legs, written down by hand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from tests.day.money import nearest
from tests.day.prices import Price


class Account(NamedTuple):
    """A code of the chart and whose it is; nobody's is the operator's own."""

    code: str
    owner: str = ""


Legs = Mapping[Account, int]
"""Account → minor units; what it gets is positive."""
FEES, EXCISE, LEVY, WHT = (
    Account(code) for code in ("OP.FEES", "TAX.EXCISE", "TAX.LEVY", "TAX.WHT")
)
POOL, TRUST = Account("OP.COMMISSION_POOL"), Account("TRUST_BANK")
VOUCHERS, ESCROWS = Account("VOUCHER_ESCROW"), Account("ESCROW")


@dataclass(slots=True)
class Books:
    """What everybody has. Nothing is ever read from the operator."""

    balances: Counter[Account] = field(default_factory=Counter[Account])

    def post(self, *several: Legs) -> None:
        """Write legs down; together they come to nothing."""
        for legs in several:
            assert sum(legs.values()) == 0, legs
            self.balances.update(legs)

    def by_code(self) -> dict[str, int]:
        """Code of the chart → what its accounts hold together."""
        found = Counter[str]()
        for account, minor in self.balances.items():
            found[account.code] += minor
        return dict(found)


def paid(payer: Account, payee: Account, minor: int, price: Price) -> Legs:
    """One pays another; the operator and the state take their share from either."""
    return _without_nothing({
        payer: -minor - price.on_top,
        payee: minor - price.off,
        FEES: price.fee + price.discount,
        EXCISE: price.tax + price.discount_tax,
        LEVY: price.levy,
    })  # fmt: skip


def earned(agent: Account, above: Account, price: Price) -> Legs:
    """The pool pays whoever earns, less what is withheld for the state."""
    return _without_nothing({
        POOL: -price.agent - price.above,
        agent: price.agent - price.agent_withheld,
        above: price.above - price.above_withheld,
        WHT: price.agent_withheld + price.above_withheld,
    })  # fmt: skip


def moved(payer: Account, payee: Account, minor: int) -> Legs:
    """Free of charge."""
    return {payer: -minor, payee: minor}


def undone(legs: Legs) -> Legs:
    """Every leg the other way round."""
    return {account: -minor for account, minor in legs.items()}


def refunded(legs: Legs, part: int, whole: int, merchant: Account) -> Legs:
    """So much of each leg, the other way round; what rounding leaves is the merchant's."""
    share = Fraction(part, whole)
    back = {
        account: -nearest(minor * share) for account, minor in legs.items() if account != merchant
    }
    return {**back, merchant: -sum(back.values())}


def less(legs: Legs, before: Legs) -> Legs:
    """What is left of legs after others."""
    return {account: minor - before.get(account, 0) for account, minor in legs.items()}


def _without_nothing(legs: Legs) -> Legs:
    return {account: minor for account, minor in legs.items() if minor}
