"""What happens in a day, and when: after published aggregates of an African service.

PaySim, `aggregatedTransactions.csv`: 24,576,685 events of a month. A local unit is a cent here.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

SHARES = {"cash-out": 3650, "merchant-payment": 3490, "cash-in": 2000, "p2p-transfer": 810,
          "voucher": 46}  # fmt: skip
"""Of 9,996. Their DEBIT, out of the wallet and to somebody else's hands, is our voucher."""
MEANS = {"cash-out": 171_651, "merchant-payment": 12_807, "cash-in": 166_187,
         "p2p-transfer": 869_735, "voucher": 5_163}  # fmt: skip
"""Mean tickets in minor units."""
HOURS = (
    26,
    11,
    4,
    0,
    0,
    0,
    3,
    8,
    21,
    39,
    48,
    52,
    54,
    54,
    50,
    47,
    53,
    72,
    103,
    129,
    129,
    47,
    28,
    22,
)
"""Of 1,000 movements, how many fall into each hour: most between 19 and 21, none from 3 to 6."""
LEAST = 1_00
EXTRAS = (
    "reversal", "refund", "voucher-redeemed", "voucher-claimed", "voucher-left", "voucher-guessed",
    "escrow-released", "escrow-cancelled", "escrow-left", "request-paid", "request-declined",
    "approved", "rejected", "too-little", "too-often", "over-the-limit", "repeated", "key-reused",
    "anothers-wallet",
)  # fmt: skip
"""What comes beside the mix; each at least once in every street."""
EXTRA_SHARE = 20
"""One extra for so many movements of the mix."""


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """Something that will happen."""

    hour: int
    number: int
    kind: str
    minor: int


def plan(movements: int, chance: random.Random) -> list[Planned]:
    """The day of one street, in its order: the shares are kept, chance deals them out."""
    kinds = [*_apportioned(movements), *_extras(movements)]
    chance.shuffle(kinds)
    hours = chance.choices(range(24), HOURS, k=len(kinds))
    return sorted(
        Planned(hour, number, kind, _ticket(kind, chance))
        for number, (hour, kind) in enumerate(zip(hours, kinds, strict=True))
    )


def _apportioned(movements: int) -> Iterator[str]:
    """Each kind by its share of the whole; what rounding leaves is cash-out's, the largest."""
    whole, left = sum(SHARES.values()), movements
    for kind, share in reversed(SHARES.items()):
        number = left if kind == "cash-out" else round(movements * share / whole)
        left -= number
        yield from [kind] * number


def _extras(movements: int) -> Iterator[str]:
    for number in range(max(len(EXTRAS), movements // EXTRA_SHARE)):
        yield EXTRAS[number % len(EXTRAS)]


def _ticket(kind: str, chance: random.Random) -> int:
    """Many small ones and few large ones around the mean."""
    return LEAST + round(chance.expovariate(1 / MEANS.get(kind, 50_000)))
