"""Changes of parties, and what they mean for their wallets, in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from mmo.audit.postgres import append as note
from mmo.changes.support.aggregates import Aggregate, Done
from mmo.changes.support.asked import DeclinedError
from mmo.changes.wallets import change_wallet
from mmo.kernel.envelope import Actor
from mmo.kernel.refusals import REFUSALS, Refused
from mmo.parties import offices
from mmo.parties import postgres as parties
from mmo.parties.commands import (
    Above,
    ActivateParty,
    AddDocument,
    AssignOffice,
    ChangeParty,
    CloseParty,
    CloseStore,
    MoveParty,
    OpenStore,
    PartyCommand,
    RegisterParty,
    RejectKyc,
    RemoveDocument,
    ResumeParty,
    SuspendParty,
    VerifyParty,
)
from mmo.parties.events import (
    EVENTS,
    PartyEvent,
    PartyMoved,
    PartyRejected,
    PartyResumed,
    PartySuspended,
    PartyVerified,
)
from mmo.parties.party import Party, decide, evolve
from mmo.wallets import postgres as wallets
from mmo.wallets.wallet import FreezeWallet, RetierWallet, UnfreezeWallet, WalletCommand

Connection = AsyncConnection[Any]
_ACTIONS: dict[type[PartyCommand], str] = {
    RegisterParty: "party.register",
    ChangeParty: "party.change",
    ActivateParty: "party.activate",
    SuspendParty: "party.suspend",
    ResumeParty: "party.resume",
    CloseParty: "party.close",
    VerifyParty: "party.verify",
    RejectKyc: "party.reject-kyc",
    MoveParty: "party.move",
    AssignOffice: "party.assign-office",
    AddDocument: "party.add-document",
    RemoveDocument: "party.remove-document",
    OpenStore: "store.open",
    CloseStore: "store.close",
}
"""Command → how the audit names it."""
PARTY: Aggregate[Party] = Aggregate(
    name="party", events=EVENTS, actions=_ACTIONS, decision=decide, evolve=evolve,
    lock=parties.lock, save=parties.save, replace=parties.replace,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParty:
    """Who a new party is to be. `person`: sealed; `alias`: blind index of the number, hex."""

    kind: str
    person: str
    alias: str
    language: str
    parent: UUID | None = None
    office: UUID | None = None


@dataclass(frozen=True, slots=True)
class Changing:
    """Carries out commands on one party in the open transaction.

    Each method raises DeclinedError where it names a party or an office that is not there.
    """

    connection: Connection
    tenant: int
    identifier: UUID
    actor: Actor

    async def register(self, new: NewParty) -> Done[Party] | Refused:
        """Register a party under an id of the caller's; the same id again registers nobody."""
        await parties.lock_trees(self.connection, self.tenant)
        there = await parties.find(self.connection, self.tenant, self.identifier)
        if there is not None:
            return Done(there)
        command = RegisterParty(
            kind=new.kind,
            person=new.person,
            alias=new.alias,
            language=new.language,
            parent=await self._above(new.parent),
            office=await self._office(new.office),
        )
        try:
            async with self.connection.transaction():
                return await self.carry_out(command)
        except UniqueViolation:
            return await self._taken(command)

    async def change(self, command: ChangeParty, version: int) -> Done[Party] | Refused:
        """Give the party at that version other contact data.

        Raises DeclinedError version_conflict.
        """

        async def read(party: Party | None) -> ChangeParty:
            if party is not None and party.version != version:
                raise DeclinedError("version_conflict")
            return command

        try:
            async with self.connection.transaction():
                return await self._change(read)
        except UniqueViolation:
            return await self._taken(command)

    async def close(self, reason: str) -> Done[Party] | Refused:
        """End a party that has no wallet and nobody below it any more."""
        await parties.lock_trees(self.connection, self.tenant)

        async def counted(_: Party | None) -> CloseParty:
            mine = [self.identifier]
            held = await wallets.of_parties(self.connection, self.tenant, mine)
            below = await parties.children(self.connection, self.tenant, self.identifier)
            return CloseParty(reason=reason, wallets=len(held), children=len(below))

        return await self._change(counted)

    async def move(self, parent: UUID | None) -> Done[Party] | Refused:
        """Put the party, with whoever is below it, below another."""
        await parties.lock_trees(self.connection, self.tenant)
        above = await self._above(parent)
        height = await parties.height(self.connection, self.tenant, self.identifier)
        return await self.carry_out(MoveParty(parent=above, height=height))

    async def assign(self, office: UUID | None) -> Done[Party] | Refused:
        """Let another office look after the party."""
        await parties.lock_trees(self.connection, self.tenant)
        return await self.carry_out(AssignOffice(office=await self._office(office)))

    async def carry_out(self, command: PartyCommand) -> Done[Party] | Refused:
        """Carry out a command that needs no facts from elsewhere."""

        async def same(_: Party | None) -> PartyCommand:
            return command

        return await self._change(same)

    async def _change(
        self, command_of: Callable[[Party | None], Awaitable[PartyCommand]]
    ) -> Done[Party] | Refused:
        done = await PARTY.change(
            self.connection, self.tenant, self.identifier, self.actor, command_of
        )
        if isinstance(done, Refused):
            return done
        for event in done.events:
            await self._tell_wallets(done.state, event)
        return done

    async def _tell_wallets(self, party: Party, event: PartyEvent) -> None:
        """Let the wallets follow: their rows, their events, and decisions that rest on them."""
        match event:
            case PartySuspended():
                await self._each_wallet(FreezeWallet(with_party=True))
            case PartyResumed():
                await self._each_wallet(UnfreezeWallet(with_party=True))
            case PartyVerified() | PartyRejected():
                await self._each_wallet(RetierWallet(party.tier))
            case PartyMoved():
                below = await parties.children(self.connection, self.tenant, self.identifier)
                about = await wallets.of_parties(
                    self.connection, self.tenant, [self.identifier, *below]
                )
                await wallets.raise_facts(self.connection, self.tenant, about)
            case _:
                pass

    async def _each_wallet(self, command: WalletCommand) -> None:
        for wallet in await wallets.of_parties(self.connection, self.tenant, [self.identifier]):
            done = await change_wallet(
                self.connection, self.tenant, UUID(wallet.id), command, self.actor
            )
            if isinstance(done, Refused) and done.code != "wallet_closed":
                raise RuntimeError(f"wallet {wallet.id} does not follow its party: {done.code}")

    async def _above(self, parent: UUID | None) -> Above | None:
        if parent is None:
            return None
        found = await parties.above(self.connection, self.tenant, parent)
        if found is None:
            raise DeclinedError("party_unknown")
        return found

    async def _office(self, office: UUID | None) -> str | None:
        if office is None:
            return None
        found = await offices.find(self.connection, self.tenant, office)
        if found is None or found.state != "open":
            raise DeclinedError("office_unknown")
        return found.id

    async def _taken(self, command: RegisterParty | ChangeParty) -> Refused:
        """Refuse a number that another party of the kind has."""
        refused = Refused("number_taken", REFUSALS["number_taken"])
        record = PARTY.record(self.tenant, self.identifier, self.actor, type(command))
        await note(self.connection, replace(record, outcome="refused", reason=refused.code))
        return refused
