"""What is asked of the ledger: a posting, its legs, and the counters that it moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Any, Literal
from uuid import UUID

LARGEST_AMOUNT = 10**16
"""Minor units that one leg may move, so that no sum of a posting can overflow."""
MOST_LEGS = 32
MOST_USAGE_ROWS = 32

Book = Literal["E", "C"]
"""E is client money (e-money), C the operator's own books."""


class Kind(IntEnum):
    """What a posting does; the numbers are stored."""

    POST = 0
    HOLD = 1
    """Reserve the legs marked `reserve`; nothing is entered yet."""
    CAPTURE = 2
    """End a hold of this txn by posting the legs; what they leave over is released."""
    VOID = 3
    EXPIRE = 4
    REFUSE = 5
    """Record a refusal that a rule decided."""


_WITH_LEGS = frozenset({Kind.POST, Kind.HOLD, Kind.CAPTURE})
_OF_LEGS = _WITH_LEGS - {Kind.POST}
"""What is posted may have none: that somebody was asked stands in the books too."""
_OF_A_HOLD = frozenset({Kind.CAPTURE, Kind.VOID, Kind.EXPIRE})


class InvalidPostingError(ValueError):
    """A posting that no ledger could carry out: a fault of its maker, never of the customer."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An account that belongs to one movement, such as the escrow of one voucher.

    The posting that names it first opens it, with floor 0: a second ending has no funds.
    """

    code: str
    currency: str
    book: Book = "E"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One line of a posting. Credit is positive, in minor units of the account's currency.

    `account` is a strict account (positive number), a deferred one (negative) or an instance.
    `facts_version` is the account's version that the decision rests on; None is not compared.
    """

    account: int | Instance
    amount: int
    role: str = ""
    reserve: bool = False
    facts_version: int | None = None

    def __post_init__(self) -> None:
        if not 0 < abs(self.amount) <= LARGEST_AMOUNT:
            raise InvalidPostingError(f"a leg cannot move {self.amount}")
        _require(self.account != 0, "0 is not an account")
        if self.reserve:
            _require(
                self.amount < 0 and self.is_strict, "only the debit of a strict account reserves"
            )

    @property
    def is_strict(self) -> bool:
        """Whether the leg's account exists already and is locked while posting."""
        return isinstance(self.account, int) and self.account > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """A counter of a strict account that the posting moves, and the caps it must stay within.

    `period` is the first day of the counter's day or month; a cap of None is no cap. Past a cap
    the posting is refused with `refusal`.
    """

    account: int
    bucket: int
    period: date
    amount: int
    n: int = 1
    cap_amount: int | None = None
    cap_n: int | None = None
    refusal: str = "limit_exceeded"

    def __post_init__(self) -> None:
        _require(self.account > 0, "only strict accounts have counters")
        _require(0 <= self.amount <= LARGEST_AMOUNT and self.n >= 0, "a counter only grows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One request to the ledger, exactly once per (tenant, txn, step).

    `code` is the movement type, `fingerprint` that of the request (never of the legs), `meta` the
    decision record, `hold_step` the step of this txn whose hold is ended, `refusal` the code of a
    posting of kind REFUSE. `rules_version` is the tenant's version that the decision rests on;
    None is not compared. `on_balance` says that the decision rests on what the accounts hold: where
    they hold less by now, the answer is stale instead of a refusal for lack of funds.

    Raises InvalidPostingError when made out of nonsense; it is then not sent at all.
    """

    tenant_id: int
    txn: UUID
    step: int
    kind: Kind
    code: str
    fingerprint: bytes
    effective_at: datetime
    business_date: date
    legs: tuple[Leg, ...] = ()
    usage: tuple[UsageRow, ...] = ()
    hold_step: int | None = None
    refusal: str | None = None
    rules_version: int | None = None
    on_balance: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        _require(
            bool(self.fingerprint) and bool(self.code), "a posting has a code and a fingerprint"
        )
        _require(0 <= self.step < 2**15, "a step is a small number")
        _require(self.effective_at.tzinfo is not None, "effective_at needs a time zone")
        _require(self.kind in _WITH_LEGS or not self.legs, "legs do not fit the kind")
        _require(bool(self.legs) or self.kind not in _OF_LEGS, "a hold has legs, and its capture")
        _require(len(self.legs) <= MOST_LEGS, "too many legs")
        _require(len(self.usage) <= MOST_USAGE_ROWS, "too many usage rows")
        _require(sum(leg.amount for leg in self.legs) == 0, "the legs do not sum to zero")
        _require(not self.usage or bool(self.legs), "counters move only with legs")
        _require(
            (self.kind in _OF_A_HOLD) == (self.hold_step is not None),
            "hold_step does not fit the kind",
        )
        _require(
            (self.kind is Kind.REFUSE) == (self.refusal is not None),
            "refusal does not fit the kind",
        )
        reserves = any(leg.reserve for leg in self.legs)
        _require(self.kind is Kind.HOLD or not reserves, "only a hold reserves")

    @property
    def key(self) -> tuple[int, UUID, int]:
        """What a posting happens once for."""
        return self.tenant_id, self.txn, self.step


def _require(fine: bool, otherwise: str) -> None:
    if not fine:
        raise InvalidPostingError(otherwise)
