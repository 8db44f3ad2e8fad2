"""What the ledger answers: the recorded outcome of a posting, or that its facts were old."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The one outcome of a posting, for ever: accepted, or refused with a code.

    `journal` is the journal number and `xid` the transaction that wrote it. `meta` is the decision
    record: the stored one on a repeat, which may differ from the one sent. `accounts` and
    `balances` go by leg: the account it named or opened, and its posted balance in minor units
    right after the leg (None for a deferred account, a hold, a refusal and a repeat).
    """

    journal: int
    xid: int
    refusal: str | None
    detail: Mapping[str, Any]
    meta: Mapping[str, Any]
    replayed: bool = False
    accounts: tuple[int, ...] = ()
    balances: tuple[int | None, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Stale:
    """Nothing was recorded: facts or rules changed since the decision. Read and decide again."""
