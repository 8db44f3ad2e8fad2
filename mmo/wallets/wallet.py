"""A wallet: what may be asked of it, what happens to it, and what it then is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from mmo.kernel.refusals import REFUSALS, Refused

KINDS = {"customer": "CUSTOMER", "agent": "AGENT_FLOAT", "super_agent": "SUPER_FLOAT"}
"""Kind of wallet → the code of its account in the chart."""
COMMISSION = {"agent": "AGENT_COMM", "super_agent": "SUPER_COMM"}
"""Kinds that earn → the code of the account that their commission goes to."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WalletOpened(_Event):
    """A wallet came into being, with its ledger accounts. Number and name are sealed."""

    kind: str
    currency: str
    msisdn: str
    name: str
    alias: str
    owner: str | None
    accounts: dict[str, int]


class WalletFrozen(_Event):
    """Nothing moves in or out until it is unfrozen."""


class WalletUnfrozen(_Event):
    """Money moves again."""


class WalletClosed(_Event):
    """The wallet is empty and ended; its number is free."""


WalletEvent = WalletOpened | WalletFrozen | WalletUnfrozen | WalletClosed

EVENTS: dict[str, type[WalletEvent]] = {
    "mmo.wallet.opened.v1": WalletOpened,
    "mmo.wallet.frozen.v1": WalletFrozen,
    "mmo.wallet.unfrozen.v1": WalletUnfrozen,
    "mmo.wallet.closed.v1": WalletClosed,
}


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


@dataclass(frozen=True, slots=True)
class FreezeWallet:
    """Ask that nothing moves in or out."""


@dataclass(frozen=True, slots=True)
class UnfreezeWallet:
    """Ask that money moves again."""


@dataclass(frozen=True, slots=True)
class CloseWallet:
    """Ask for the end of an empty wallet. `balance`: what it holds, in minor units."""

    balance: int


WalletCommand = OpenWallet | FreezeWallet | UnfreezeWallet | CloseWallet


def decide(wallet: Wallet | None, command: WalletCommand) -> tuple[WalletEvent, ...] | Refused:
    """Decide what happens. No event: it is so already."""
    if isinstance(command, OpenWallet):
        return () if wallet else (_opened(command),)
    return _decided(wallet, command) if wallet else _refused("wallet_not_found")


def _decided(
    wallet: Wallet, command: FreezeWallet | UnfreezeWallet | CloseWallet
) -> tuple[WalletEvent, ...] | Refused:
    match command, wallet.state:
        case (FreezeWallet(), "active"):
            return (WalletFrozen(),)
        case (UnfreezeWallet(), "frozen"):
            return (WalletUnfrozen(),)
        case (CloseWallet(), "closed") | (FreezeWallet(), "frozen") | (UnfreezeWallet(), "active"):
            return ()
        case (CloseWallet(0), _):
            return (WalletClosed(),)
        case (CloseWallet(), _):
            return _refused("wallet_not_empty")
        case _:
            return _refused("wallet_closed")


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
    state = {WalletFrozen: "frozen", WalletUnfrozen: "active", WalletClosed: "closed"}[type(event)]
    return replace(wallet, state=state, version=version, changed_at=at)


def _opened(command: OpenWallet) -> WalletOpened:
    return WalletOpened(
        kind=command.kind,
        currency=command.currency,
        msisdn=command.msisdn,
        name=command.name,
        alias=command.alias,
        owner=command.owner,
        accounts=dict(command.accounts),
    )


def _refused(code: str) -> Refused:
    return Refused(code, REFUSALS[code])
