"""What the operator's own books say of a day, derived from the e-money that moved. Pure.

The operator's pools of e-money are mirrored in its own book: a pool's account in book E and an own
account in book C are equal and opposite. Movements that post both need nothing more. Of the others,
such as fees, the day's change is recognised at its end: as revenue, or as expense (M41, M42).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A pool, its own account, and what its change is recognised as."""

    pool: str
    own: str
    recognised_as: str
    name: str
    """Of the derived journals."""


MIRRORS = (
    Mirror(pool="OP.FEES", own="OWN_EMONEY.fees", recognised_as="FEE_REVENUE", name="fee-revenue"),
    Mirror(
        pool="OP.COMMISSION_POOL", own="OWN_EMONEY.commission_pool",
        recognised_as="AGENT_COMMISSION_EXPENSE", name="commission-expense",
    ),
    Mirror(
        pool="OP.MARKETING_POOL", own="OWN_EMONEY.marketing_pool",
        recognised_as="MARKETING_EXPENSE", name="marketing-expense",
    ),
    Mirror(
        pool="OP.LOSS_POOL", own="OWN_EMONEY.loss_pool",
        recognised_as="OPERATIONAL_LOSS", name="loss-expense",
    ),
)  # fmt: skip
CODES = tuple(code for one in MIRRORS for code in (one.pool, one.own))
"""The accounts that derivation looks at."""
DERIVED = frozenset(one.name for one in MIRRORS)
"""The codes of derived journals: no workflow has asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How much one account of the chart changed by one type of movement: credit-positive."""

    movement: str
    currency: str
    code: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """A journal of book C: the day's change of one pool by one type of movement."""

    mirror: Mirror
    movement: str
    currency: str
    amount: int
    """Minor units: credit of what it is recognised as, where positive; else its debit."""

    @property
    def name(self) -> str:
        """What makes it one: within a day and tenant there is no other of this name."""
        return f"{self.mirror.name}/{self.movement}/{self.currency}"

    def legs(self) -> Mapping[str, int]:
        """Account code → amount, credit-positive; they sum to zero."""
        return {self.mirror.own: -self.amount, self.mirror.recognised_as: self.amount}


def derived(moved: Iterable[Moved]) -> Iterator[Derivation]:
    """What is still to be recognised, in one order. What is mirrored already derives nothing."""
    changes: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for one in moved:
        changes[one.movement, one.currency][one.code] = one.amount
    for movement, currency in sorted(changes):
        change = changes[movement, currency]
        for mirror in MIRRORS:
            missing = change.get(mirror.pool, 0) + change.get(mirror.own, 0)
            if missing:
                yield Derivation(
                    mirror=mirror, movement=movement, currency=currency, amount=missing
                )
