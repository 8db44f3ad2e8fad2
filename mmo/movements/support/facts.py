"""Facts: all that a decision rests on, read in one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from mmo.bep.facts import PartyFacts
from mmo.bep.snapshot import EMPTY, Snapshot
from mmo.ledger.recorded import Recorded
from mmo.movements.support.accepted import NO_EVIDENCE
from mmo.movements.support.authority import AcceptedCommand, Evidence
from mmo.movements.support.taking_back import Original
from mmo.movements.support.terms import EMPTY as EMPTY_TERMS
from mmo.movements.support.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account of a wallet. Posting under another `version` answers stale."""

    id: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFacts(PartyFacts):
    """A wallet as it stands now: what rules see of it, and its accounts."""

    accounts: Mapping[str, AccountFacts]
    """Product (`wallet`, `commission`) → account."""
    party: str | None = None
    earners: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of an agent's wallet: `super-agent`, `master-agent` → the wallet of whoever stands one and
    two levels above it, in the same currency and not closed. It is among the facts' wallets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when a step is decided. The clock is a fact."""

    now: datetime
    today: date
    """The date on the tenant's own clock: limits are kept by it."""
    business_date: date
    """The day of the tenant's books that is open."""
    rules_version: int
    """Posting under another version of the tenant's rules answers stale."""
    accepted: AcceptedCommand | None = None
    """The command as it was accepted; None: nobody accepted what was asked for."""
    evidence: Evidence = NO_EVIDENCE
    """What the movement's rows prove besides."""
    wallets: Mapping[str, WalletFacts] = field(default_factory=dict[str, WalletFacts])
    """Wallet id → wallet; one that does not exist is missing."""
    chart: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """(code, currency) → account of the operator's chart."""
    terms: Mapping[str, int] | None = None
    """The prices recorded with the first step: later steps are never priced again."""
    tariff: Mapping[str, Any] | None = None
    """The tariff recorded with them."""
    operator: Terms = EMPTY_TERMS
    """The operator's tariffs and limits at a version that is `rules_version` or newer."""
    used: Mapping[str, int] = field(default_factory=dict[str, int])
    """Name of a charge that is free at first → how many were used in its period."""
    rules: Snapshot = EMPTY
    """The operator's rules at a version that is `rules_version` or newer."""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Key of a rule's need → what was read for it."""
    original: Original | None = None
    """The movement that is to be undone."""
    recorded: Recorded | None = None
    """The outcome already on record for this movement and step: then nothing is decided."""
