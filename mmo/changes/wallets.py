"""Changes of wallets: decide, append the events, write the row and tell the ledger, at once."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from mmo.audit.postgres import append as note
from mmo.audit.record import Record, digest_of
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import REFUSALS, Refused
from mmo.messaging.event import Event
from mmo.messaging.postgres import append, history_of
from mmo.tenancy.scope import scoped
from mmo.wallets import postgres as wallets
from mmo.wallets.personal import Sealed
from mmo.wallets.wallet import (
    EVENTS,
    CloseWallet,
    FlagWallet,
    FreezeWallet,
    OpenWallet,
    UnflagWallet,
    UnfreezeWallet,
    Wallet,
    WalletCommand,
    WalletEvent,
    decide,
    evolve,
)

_TYPES = {kind: name for name, kind in EVENTS.items()}
_ACTIONS: dict[type[WalletCommand], str] = {
    OpenWallet: "wallet.open",
    FreezeWallet: "wallet.freeze",
    UnfreezeWallet: "wallet.unfreeze",
    CloseWallet: "wallet.close",
    FlagWallet: "wallet.flag",
    UnflagWallet: "wallet.unflag",
}
"""Command → how the audit names it."""
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
    """Open a wallet in the transaction; the same id again opens nothing."""

    async def command(connection: AsyncConnection, wallet: Wallet | None) -> OpenWallet:
        accounts = wallet.accounts if wallet else None
        accounts = accounts or await wallets.open_accounts(
            connection, tenant, new.kind, new.currency
        )
        return OpenWallet(
            kind=new.kind,
            currency=new.currency,
            msisdn=new.person.msisdn,
            name=new.person.name,
            alias=new.person.alias,
            owner=new.owner,
            accounts=accounts,
            product=new.product,
        )

    try:
        async with connection.transaction():
            return await _change(connection, tenant, identifier, actor, command)
    except UniqueViolation:
        return await _taken(connection, tenant, identifier, new, actor)


async def close_wallet(
    connection: AsyncConnection, tenant: int, identifier: UUID, actor: Actor
) -> Changed | Refused:
    """End an empty wallet, in the transaction."""

    async def command(connection: AsyncConnection, wallet: Wallet | None) -> CloseWallet:
        held = await wallets.balance(connection, tenant, wallet) if wallet else 0
        return CloseWallet(held)

    return await _change(connection, tenant, identifier, actor, command)


async def change_wallet(
    connection: AsyncConnection, tenant: int, identifier: UUID, command: WalletCommand,
    actor: Actor,
) -> Changed | Refused:  # fmt: skip
    """Carry one command out, in the transaction, which the feed and the audit are told in."""
    return await _change(connection, tenant, identifier, actor, _always(command))


async def _change(
    connection: AsyncConnection,
    tenant: int,
    identifier: UUID,
    actor: Actor,
    command_of: Callable[[AsyncConnection, Wallet | None], Awaitable[WalletCommand]],
) -> Changed | Refused:
    wallet = await wallets.lock(connection, tenant, identifier)
    command = await command_of(connection, wallet)
    decided = decide(wallet, command)
    record = _record(tenant, identifier, actor, type(command), wallet)
    if isinstance(command, FlagWallet | UnflagWallet):
        record = replace(record, reason=command.reason)
    if isinstance(decided, Refused):
        await note(connection, replace(record, outcome="refused", reason=decided.code))
        return decided
    if not decided:
        assert wallet is not None
        return Changed(wallet, "")
    changed, events = _folded(tenant, identifier, wallet, decided, actor)
    position = await append(connection, events)
    await wallets.save(connection, tenant, changed)
    for event in decided:
        await wallets.tell_ledger(connection, tenant, changed, event)
    await note(connection, replace(record, after=_digest_of(changed)))
    return Changed(changed, str(position))


async def _taken(
    connection: AsyncConnection, tenant: int, identifier: UUID, new: NewWallet, actor: Actor
) -> Changed | Refused:
    """Tell a repeat that ran beside the first from an alias of somebody else's."""
    found = await wallets.find(connection, tenant, {str(identifier): identifier})
    wallet = found.get(str(identifier))
    if wallet is not None and wallet.alias == new.person.alias:
        return Changed(wallet, "")
    refused = Refused("alias_taken", REFUSALS["alias_taken"])
    record = _record(tenant, identifier, actor, OpenWallet)
    await note(connection, replace(record, outcome="refused", reason=refused.code))
    return refused


async def wallet_as_of(
    connection: AsyncConnection, tenant: int, identifier: UUID, at: datetime
) -> Wallet | None:
    """Fold a wallet's events up to a moment; None where it was not opened yet."""
    wallet: Wallet | None = None
    for event in await history_of(connection, tenant, "wallet", identifier):
        if event.occurred_at <= at:
            wallet = refold(wallet, event)
    return wallet


def refold(wallet: Wallet | None, event: Event) -> Wallet:
    """Fold one stored event."""
    return evolve(
        wallet,
        EVENTS[event.type].model_validate(event.data),
        identifier=str(event.aggregate_id),
        version=event.version,
        at=event.occurred_at,
    )


def _record(
    tenant: int,
    identifier: UUID,
    actor: Actor,
    command: type[WalletCommand],
    wallet: Wallet | None = None,
) -> Record:
    return Record(
        tenant_id=tenant,
        actor=actor.subject,
        client=actor.client,
        action=_ACTIONS[command],
        object=f"wallet/{identifier}",
        before=_digest_of(wallet),
    )


def _digest_of(wallet: Wallet | None) -> bytes | None:
    return digest_of(asdict(wallet)) if wallet else None


def _always(
    command: WalletCommand,
) -> Callable[[AsyncConnection, Wallet | None], Awaitable[WalletCommand]]:
    async def answer(_: AsyncConnection, __: Wallet | None) -> WalletCommand:
        return command

    return answer


def _folded(
    tenant: int,
    identifier: UUID,
    wallet: Wallet | None,
    decided: tuple[WalletEvent, ...],
    actor: Actor,
) -> tuple[Wallet, list[Event]]:
    now, events = datetime.now(UTC), list[Event]()
    for happened in decided:
        version = (wallet.version if wallet else 0) + 1
        wallet = evolve(wallet, happened, identifier=str(identifier), version=version, at=now)
        events.append(
            Event(
                tenant_id=tenant,
                id=mint(),
                aggregate="wallet",
                aggregate_id=identifier,
                version=version,
                type=_TYPES[type(happened)],
                actor=actor.subject,
                occurred_at=now,
                data=happened.model_dump(mode="json"),
            )
        )
    assert wallet is not None
    return wallet, events
