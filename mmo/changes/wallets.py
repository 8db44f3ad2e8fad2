"""Changes of wallets: decide, append the events, write the row and tell the ledger, at once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from mmo.audit.postgres import append as note
from mmo.changes.support.aggregates import Aggregate
from mmo.changes.support.asked import DeclinedError
from mmo.kernel.envelope import Actor
from mmo.kernel.refusals import REFUSALS, Refused
from mmo.parties import postgres as parties
from mmo.parties.party import WALLETS as WALLET_KIND
from mmo.parties.party import Party
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from mmo.wallets.events import EVENTS
from mmo.wallets.personal import Sealed
from mmo.wallets.wallet import (
    CloseWallet,
    FlagWallet,
    FreezeWallet,
    OpenWallet,
    RetierWallet,
    UnflagWallet,
    UnfreezeWallet,
    Wallet,
    WalletCommand,
    decide,
    evolve,
)

_ACTIONS: dict[type[WalletCommand], str] = {
    OpenWallet: "wallet.open",
    FreezeWallet: "wallet.freeze",
    UnfreezeWallet: "wallet.unfreeze",
    CloseWallet: "wallet.close",
    FlagWallet: "wallet.flag",
    UnflagWallet: "wallet.unflag",
    RetierWallet: "wallet.retier",
}
"""Command → how the audit names it."""
WALLET: Aggregate[Wallet] = Aggregate(
    name="wallet", events=EVENTS, actions=_ACTIONS, decision=decide, evolve=evolve,
    lock=wallets.lock, save=wallets.save, replace=wallets.replace,
)  # fmt: skip
Ring: TypeAlias = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a wallet is now, and where in the feed its last change stands ("" where none was)."""

    wallet: Wallet
    position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWallet:
    """What a new wallet is to be."""

    kind: str
    currency: str
    person: Sealed
    owner: str | None
    product: int | None = None
    party: UUID | None = None


class WalletChanges:
    """Commands on wallets by the platform's own hand, without rules: for a demo, and for tests.

    Everybody else's go through `Changes`. Each is one transaction, and safe to repeat: what is so
    already changes nothing.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection], ring: Ring) -> None:
        self._pool = pool
        self._ring = ring

    async def open(
        self, tenant: int, identifier: UUID, new: NewWallet, actor: Actor
    ) -> Changed | Refused:
        """Open a wallet under an id of the caller's; the same id again opens nothing."""
        async with scoped(self._pool, tenant) as connection:
            return await open_wallet(connection, tenant, identifier, new, actor)

    async def freeze(self, tenant: int, identifier: UUID, actor: Actor) -> Changed | Refused:
        """Let nothing move in or out."""
        return await self._change(tenant, identifier, FreezeWallet(), actor)

    async def unfreeze(self, tenant: int, identifier: UUID, actor: Actor) -> Changed | Refused:
        """Let money move again."""
        return await self._change(tenant, identifier, UnfreezeWallet(), actor)

    async def close(self, tenant: int, identifier: UUID, actor: Actor) -> Changed | Refused:
        """End an empty wallet."""
        async with scoped(self._pool, tenant) as connection:
            return await close_wallet(connection, tenant, identifier, actor)

    async def flag(
        self, tenant: int, identifier: UUID, flag: FlagWallet, actor: Actor
    ) -> Changed | Refused:
        """Put a flag on."""
        return await self._change(tenant, identifier, flag, actor)

    async def unflag(
        self, tenant: int, identifier: UUID, flag: UnflagWallet, actor: Actor
    ) -> Changed | Refused:
        """Take a flag off."""
        return await self._change(tenant, identifier, flag, actor)

    async def _change(
        self, tenant: int, identifier: UUID, command: WalletCommand, actor: Actor
    ) -> Changed | Refused:
        async with scoped(self._pool, tenant) as connection:
            changed = await change_wallet(connection, tenant, identifier, command, actor)
        self._ring()
        return changed


async def open_wallet(
    connection: AsyncConnection, tenant: int, identifier: UUID, new: NewWallet, actor: Actor
) -> Changed | Refused:
    """Open a wallet in the transaction; the same id again opens nothing.

    Raises DeclinedError party_unknown where the party may have no such wallet.
    """

    async def command(wallet: Wallet | None) -> OpenWallet:
        asked = OpenWallet(
            kind=new.kind,
            currency=new.currency,
            msisdn=new.person.msisdn,
            name=new.person.name,
            alias=new.person.alias,
            owner=new.owner,
            accounts=wallet.accounts if wallet else {},
            product=new.product,
        )
        if wallet is not None:
            return asked
        party = await _party(connection, tenant, new)
        if party is not None:
            active = party.state == "active"
            asked = replace(asked, party=party.id, tier=party.tier, party_active=active)
        accounts = await wallets.open_accounts(connection, tenant, new.kind, new.currency)
        return replace(asked, accounts=accounts)

    try:
        async with connection.transaction():
            return await _change(connection, tenant, identifier, actor, command)
    except UniqueViolation:
        return await _taken(connection, tenant, identifier, new, actor)


async def close_wallet(
    connection: AsyncConnection, tenant: int, identifier: UUID, actor: Actor
) -> Changed | Refused:
    """End an empty wallet, in the transaction."""

    async def command(wallet: Wallet | None) -> CloseWallet:
        if wallet is None:
            return CloseWallet(0)
        held = await wallets.balance(connection, tenant, wallet)  # locks: what follows stays so
        return CloseWallet(held, await wallets.under_way(connection, tenant, wallet))

    return await _change(connection, tenant, identifier, actor, command)


async def change_wallet(
    connection: AsyncConnection, tenant: int, identifier: UUID, command: WalletCommand,
    actor: Actor,
) -> Changed | Refused:  # fmt: skip
    """Carry one command out, in the transaction, which the feed and the audit are told in."""

    async def asked(wallet: Wallet | None) -> WalletCommand:
        if isinstance(command, UnfreezeWallet) and wallet is not None and wallet.party:
            party = await parties.find(connection, tenant, UUID(wallet.party))
            return replace(command, suspended=party is not None and party.state == "suspended")
        return command

    return await _change(connection, tenant, identifier, actor, asked)


async def _change(
    connection: AsyncConnection,
    tenant: int,
    identifier: UUID,
    actor: Actor,
    command_of: Callable[[Wallet | None], Awaitable[WalletCommand]],
) -> Changed | Refused:
    done = await WALLET.change(connection, tenant, identifier, actor, command_of)
    if isinstance(done, Refused):
        return done
    for event in done.events:
        await wallets.tell_ledger(connection, tenant, done.state, event)
    return Changed(done.state, done.position)


async def _party(connection: AsyncConnection, tenant: int, new: NewWallet) -> Party | None:
    """Whose wallet it is to be; nobody suspends or closes the party meanwhile."""
    if new.party is None:
        return None
    party = await parties.find(connection, tenant, new.party, keep=True)
    if party is None or WALLET_KIND[party.kind] != new.kind:
        raise DeclinedError("party_unknown")
    return party


async def _taken(
    connection: AsyncConnection, tenant: int, identifier: UUID, new: NewWallet, actor: Actor
) -> Changed | Refused:
    """Tell a repeat that ran beside the first from an alias of somebody else's."""
    found = await wallets.find(connection, tenant, {str(identifier): identifier})
    wallet = found.get(str(identifier))
    if wallet is not None and wallet.alias == new.person.alias:
        return Changed(wallet, "")
    refused = Refused("alias_taken", REFUSALS["alias_taken"])
    record = WALLET.record(tenant, identifier, actor, OpenWallet)
    await note(connection, replace(record, outcome="refused", reason=refused.code))
    return refused
