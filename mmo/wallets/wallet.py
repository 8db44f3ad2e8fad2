"""A wallet: what may be asked of it, what happens to it, and what it then is. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from mmo.kernel.refusals import REFUSALS, Refused
from mmo.wallets.events import (
    TIER,
    WalletClosed,
    WalletEvent,
    WalletFlagged,
    WalletFrozen,
    WalletOpened,
    WalletRetiered,
    WalletUnflagged,
    WalletUnfrozen,
)

KINDS = {
    "customer": "CUSTOMER",
    "agent": "AGENT_FLOAT",
    "super_agent": "SUPER_FLOAT",
    "merchant": "MERCHANT",
}
"""Kind of wallet → the code of its account in the chart."""
FLAG_LISTS = {
    "customer": ("wallet-flags", "customer-flags"),
    "agent": ("wallet-flags", "agent-flags"),
    "super_agent": ("wallet-flags", "agent-flags"),
    "merchant": ("wallet-flags", "merchant-flags"),
}
"""Kind of wallet → the code lists that its flags come from."""
FLAGS_MAX = 50
COMMISSION = {"agent": "AGENT_COMM", "super_agent": "SUPER_COMM"}
"""Kinds that earn → the code of the account that their commission goes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFlag:
    """A code of a code list that a wallet carries, for a time."""

    list: str
    code: str
    since: datetime
    until: datetime | None = None

    def row(self) -> dict[str, str | None]:
        """As the wallet's row keeps it."""
        until = self.until and self.until.isoformat()
        return {
            "list": self.list, "code": self.code, "since": self.since.isoformat(), "until": until,
        }  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, str | None]) -> "WalletFlag":
        """Read what `row` wrote."""
        since, until = row["since"], row["until"]
        named = {"list": str(row["list"]), "code": str(row["code"])}
        ends = datetime.fromisoformat(until) if until else None
        return cls(**named, since=datetime.fromisoformat(str(since)), until=ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A wallet as it stands after `version` events. Number and name are sealed."""

    id: str
    kind: str
    state: str
    currency: str
    msisdn: str
    name: str
    alias: str
    """Blind index of the number, hex."""
    owner: str | None
    accounts: Mapping[str, int]
    version: int
    opened_at: datetime
    changed_at: datetime
    product: int | None = None
    flags: tuple[WalletFlag, ...] = ()
    """By list and code; those that have run out are kept until they are taken off."""
    party: str | None = None
    tier: int = TIER
    """Of KYC, 0 to 3: its party's."""
    frozen_with_party: bool = False
    """Whether it is frozen because its party is suspended, and for no other reason."""

    def flag(self, named: str, code: str) -> WalletFlag | None:
        """The flag of that list and code, whether it holds or not."""
        return next((f for f in self.flags if (f.list, f.code) == (named, code)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWallet:
    """Ask for a new wallet; its accounts have been opened already."""

    kind: str
    currency: str
    msisdn: str
    name: str
    alias: str
    owner: str | None
    accounts: Mapping[str, int]
    product: int | None = None
    party: str | None = None
    tier: int = TIER
    party_active: bool = True
    """Whether the party, where it has one, may have wallets now."""


@dataclass(frozen=True, slots=True)
class FreezeWallet:
    """Ask that nothing moves in or out. `with_party`: because the party is suspended."""

    with_party: bool = False


@dataclass(frozen=True, slots=True)
class UnfreezeWallet:
    """Ask that money moves again.

    `with_party`: only where it was frozen with its party. `suspended`: whether the party still is.
    """

    with_party: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class CloseWallet:
    """Ask for the end of an empty wallet. `balance`: what it holds, in minor units.

    `in_use`: movements that are under way with it, or to which it owes the rest of a reversal.
    """

    balance: int
    in_use: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagWallet:
    """Ask that a flag is put on. `since`: when it begins to count; `until`: when it ends."""

    list: str
    code: str
    reason: str
    since: datetime
    until: datetime | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnflagWallet:
    """Ask that a flag is taken off."""

    list: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class RetierWallet:
    """Ask that the wallet has its party's new tier."""

    tier: int


WalletCommand = (
    OpenWallet
    | FreezeWallet
    | UnfreezeWallet
    | CloseWallet
    | FlagWallet
    | UnflagWallet
    | RetierWallet
)


def decide(wallet: Wallet | None, command: WalletCommand) -> tuple[WalletEvent, ...] | Refused:
    """Decide what happens. No event: it is so already."""
    if isinstance(command, OpenWallet):
        return () if wallet else _opened(command)
    if wallet is None:
        return _refused("wallet_not_found")
    if isinstance(command, FreezeWallet | UnfreezeWallet):
        return _frozen(wallet, command)
    if isinstance(command, CloseWallet):
        return _closed(wallet, command)
    if wallet.state == "closed":
        return _refused("wallet_closed")
    return _said(wallet, command)


def _frozen(
    wallet: Wallet, command: FreezeWallet | UnfreezeWallet
) -> tuple[WalletEvent, ...] | Refused:
    """What was frozen with the party is unfrozen with it; what staff froze, by staff."""
    if wallet.state == "closed":
        return _refused("wallet_closed")
    frozen = wallet.state == "frozen"
    if isinstance(command, FreezeWallet):
        same = frozen and (command.with_party or not wallet.frozen_with_party)
        return () if same else (WalletFrozen(with_party=command.with_party),)
    if not frozen or (command.with_party and not wallet.frozen_with_party):
        return ()
    return _refused("party_suspended") if command.suspended else (WalletUnfrozen(),)


def _closed(wallet: Wallet, command: CloseWallet) -> tuple[WalletEvent, ...] | Refused:
    if wallet.state == "closed":
        return ()
    if command.in_use:
        named = ", ".join(command.in_use)
        return Refused("wallet_in_use", f"these are under way: {named}", {"movements": named})
    return (WalletClosed(),) if command.balance == 0 else _refused("wallet_not_empty")


def _said(
    wallet: Wallet, command: FlagWallet | UnflagWallet | RetierWallet
) -> tuple[WalletEvent, ...] | Refused:
    if isinstance(command, FlagWallet):
        return _flagged(wallet, command)
    if isinstance(command, UnflagWallet):
        return _unflagged(wallet, command)
    return (WalletRetiered(tier=command.tier),) if command.tier != wallet.tier else ()


def evolve(
    wallet: Wallet | None, event: WalletEvent, *, identifier: str, version: int, at: datetime
) -> Wallet:
    """Fold one event into the wallet."""
    if isinstance(event, WalletOpened):
        about: dict[str, Any] = event.model_dump()
        return Wallet(
            id=identifier, state="active", version=version, opened_at=at, changed_at=at, **about
        )
    assert wallet is not None, "a wallet's first event opens it"
    if isinstance(event, WalletFlagged | WalletUnflagged):
        flags = _flags_after(wallet, event)
        return replace(wallet, flags=flags, version=version, changed_at=at)
    if isinstance(event, WalletRetiered):
        return replace(wallet, tier=event.tier, version=version, changed_at=at)
    state = {WalletFrozen: "frozen", WalletUnfrozen: "active", WalletClosed: "closed"}[type(event)]
    with_party = isinstance(event, WalletFrozen) and event.with_party
    return replace(
        wallet, state=state, frozen_with_party=with_party, version=version, changed_at=at
    )


def _flagged(wallet: Wallet, command: FlagWallet) -> tuple[WalletEvent, ...] | Refused:
    """A flag that is on already, until the same moment, is not put on again."""
    if command.list not in FLAG_LISTS[wallet.kind]:
        return _refused("flag_list_invalid")
    there = wallet.flag(command.list, command.code)
    if there is None and len(wallet.flags) >= FLAGS_MAX:
        return _refused("too_many_flags")
    if there is not None and there.until == command.until:
        return ()
    return (
        WalletFlagged(
            list=command.list,
            code=command.code,
            reason=command.reason,
            since=command.since,
            until=command.until,
            evidence=command.evidence,
        ),
    )


def _unflagged(wallet: Wallet, command: UnflagWallet) -> tuple[WalletEvent, ...] | Refused:
    if wallet.flag(command.list, command.code) is None:
        return _refused("flag_not_found")
    return (WalletUnflagged(list=command.list, code=command.code, reason=command.reason),)


def _flags_after(wallet: Wallet, event: WalletFlagged | WalletUnflagged) -> tuple[WalletFlag, ...]:
    others = [f for f in wallet.flags if (f.list, f.code) != (event.list, event.code)]
    if isinstance(event, WalletFlagged):
        flag = WalletFlag(list=event.list, code=event.code, since=event.since, until=event.until)
        others.append(flag)
    return tuple(sorted(others, key=lambda f: (f.list, f.code)))


def _opened(command: OpenWallet) -> tuple[WalletEvent, ...] | Refused:
    if not command.party_active:
        return _refused("party_not_active")
    about = asdict(command)
    del about["party_active"]
    return (WalletOpened(**about),)


def _refused(code: str) -> Refused:
    return Refused(code, REFUSALS[code])
