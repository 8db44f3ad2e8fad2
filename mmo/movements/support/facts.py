"""Facts: all that a decision rests on, read in one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from mmo.ledger.recorded import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account of a wallet. Posting under another `version` answers stale."""

    id: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFacts:
    """A wallet as it stands now."""

    id: str
    kind: str
    state: str
    currency: str
    owner: str | None
    accounts: Mapping[str, AccountFacts]
    """Product (`wallet`, `commission`) → account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when a step is decided. The clock is a fact."""

    now: datetime
    business_date: date
    """The tenant's own date: limits and books are kept by it."""
    rules_version: int
    """Posting under another version of the tenant's rules answers stale."""
    wallets: Mapping[str, WalletFacts] = field(default_factory=dict[str, WalletFacts])
    """Wallet id → wallet; one that does not exist is missing."""
    chart: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """(code, currency) → account of the operator's chart."""
    terms: Mapping[str, int] | None = None
    """The prices recorded with the first step: later steps are never priced again."""
    recorded: Recorded | None = None
    """The outcome already on record for this movement and step: then nothing is decided."""
