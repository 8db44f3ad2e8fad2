"""What happens to a wallet, as its events tell it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

TIER = 1
"""The KYC tier of a wallet that has no party."""


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
    product: int | None = None
    party: str | None = None
    tier: int = TIER


class WalletFrozen(_Event):
    """Nothing moves in or out until it is unfrozen. `with_party`: for its party is suspended."""

    with_party: bool = False


class WalletUnfrozen(_Event):
    """Money moves again."""


class WalletClosed(_Event):
    """The wallet is empty and ended; its number is free."""


class WalletFlagged(_Event):
    """A flag says something of the wallet, for a time; rules may look at it."""

    list: str
    code: str
    reason: str
    since: datetime
    until: datetime | None = None
    evidence: str | None = None


class WalletUnflagged(_Event):
    """The flag says it no longer."""

    list: str
    code: str
    reason: str


class WalletRetiered(_Event):
    """The KYC tier of its party is another one now."""

    tier: int


WalletEvent = (
    WalletOpened
    | WalletFrozen
    | WalletUnfrozen
    | WalletClosed
    | WalletFlagged
    | WalletUnflagged
    | WalletRetiered
)

EVENTS: dict[str, type[WalletEvent]] = {
    "mmo.wallet.opened.v1": WalletOpened,
    "mmo.wallet.frozen.v1": WalletFrozen,
    "mmo.wallet.unfrozen.v1": WalletUnfrozen,
    "mmo.wallet.closed.v1": WalletClosed,
    "mmo.wallet.flagged.v1": WalletFlagged,
    "mmo.wallet.unflagged.v1": WalletUnflagged,
    "mmo.wallet.retiered.v1": WalletRetiered,
}
