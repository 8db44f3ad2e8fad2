"""A party: what it is, what may be asked of it, and what it then is. Pure."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from mmo.kernel.refusals import REFUSALS, Refused
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
from mmo.parties.document import Document
from mmo.parties.events import (
    DocumentAdded,
    DocumentRemoved,
    PartyActivated,
    PartyAssigned,
    PartyChanged,
    PartyClosed,
    PartyEvent,
    PartyMoved,
    PartyRegistered,
    PartyRejected,
    PartyResumed,
    PartySuspended,
    PartyVerified,
    StoreClosed,
    StoreOpened,
)

WALLETS = {
    "subscriber": "customer",
    "agent": "agent",
    "super_agent": "super_agent",
    "merchant": "merchant",
    "organisation": "merchant",
}
"""Kind of party → the kind of wallet that it may have."""
UNDER = {"agent": "super_agent", "super_agent": "super_agent"}
"""Kind of party → the kind that may stand above it; the others have nobody above them."""
LEVELS_MAX = 16
"""Levels of the agent tree, the highest super-agent included."""
STORES_MAX = 200
DOCUMENTS_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A place where a merchant is paid. `state`: open or closed."""

    id: str
    name: str
    state: str = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A party as it stands after `version` events."""

    id: str
    kind: str
    state: str
    """`registered`, `active`, `suspended` or `closed`."""
    person: str
    """Name, number and the rest, sealed."""
    alias: str
    """Blind index of the number, hex."""
    language: str
    version: int
    registered_at: datetime
    changed_at: datetime
    tier: int = 0
    """Of KYC: 0 nothing is proved … 3 in full."""
    kyc: str = "unverified"
    parent: str | None = None
    office: str | None = None
    stores: tuple[Store, ...] = ()
    documents: tuple[Document, ...] = ()

    def document(self, identifier: str) -> Document | None:
        """The document of that id."""
        return next((one for one in self.documents if one.id == identifier), None)


def decide(party: Party | None, command: PartyCommand) -> tuple[PartyEvent, ...] | Refused:
    """Decide what happens. No event: it is so already."""
    if isinstance(command, RegisterParty):
        return () if party else _registered(command)
    if party is None:
        return _refused("party_not_found")
    if isinstance(command, CloseParty):
        return _closed(party, command)
    if party.state == "closed":
        return _refused("party_closed")
    return _decided(party, command)


def evolve(
    party: Party | None, event: PartyEvent, *, identifier: str, version: int, at: datetime
) -> Party:
    """Fold one event into the party."""
    if isinstance(event, PartyRegistered):
        about: dict[str, Any] = event.model_dump()
        return Party(
            id=identifier, state="registered", version=version, registered_at=at, changed_at=at,
            **about,
        )  # fmt: skip
    assert party is not None, "a party's first event registers it"
    return replace(party, **_after(party, event, at), version=version, changed_at=at)


def _registered(command: RegisterParty) -> tuple[PartyEvent, ...] | Refused:
    wrong = _misplaced("", command.kind, command.parent, 1)
    about: dict[str, Any] = asdict(command)
    about["parent"] = command.parent.id if command.parent else None
    return wrong or (PartyRegistered(**about),)


def _closed(party: Party, command: CloseParty) -> tuple[PartyEvent, ...] | Refused:
    if party.state == "closed":
        return ()
    if command.wallets:
        return _refused("party_has_wallets")
    if command.children:
        return _refused("party_has_children")
    return (PartyClosed(reason=command.reason),)


def _decided(party: Party, command: PartyCommand) -> tuple[PartyEvent, ...] | Refused:
    """What happens to a party that is not closed."""
    match command:
        case ActivateParty() | SuspendParty() | ResumeParty():
            decided = _lived(party, command)
        case OpenStore() | CloseStore():
            decided = _traded(party, command)
        case AddDocument() | RemoveDocument():
            decided = _filed(party, command)
        case MoveParty():
            decided = _moved(party, command)
        case _:
            decided = _said(party, command)
    return decided


def _lived(
    party: Party, command: ActivateParty | SuspendParty | ResumeParty
) -> tuple[PartyEvent, ...] | Refused:
    decided: tuple[PartyEvent, ...] | Refused = ()
    match command, party.state:
        case (ActivateParty(), "registered"):
            decided = (PartyActivated(),)
        case (SuspendParty(reason=reason), "active"):
            decided = (PartySuspended(reason=reason),)
        case (ResumeParty(reason=reason), "suspended"):
            decided = (PartyResumed(reason=reason),)
        case (ActivateParty(), "suspended"):
            decided = _refused("party_suspended")
        case (SuspendParty() | ResumeParty(), "registered"):
            decided = _refused("party_not_active")
        case _:
            pass
    return decided


def _said(party: Party, command: PartyCommand) -> tuple[PartyEvent, ...]:
    same = False
    match command:
        case ChangeParty():
            event = PartyChanged(**asdict(command))
        case VerifyParty():
            same = (party.kyc, party.tier) == ("verified", command.tier)
            event = PartyVerified(**asdict(command))
        case RejectKyc():
            same = party.kyc == "rejected"
            event = PartyRejected(reason=command.reason)
        case AssignOffice():
            same = party.office == command.office
            event = PartyAssigned(office=command.office)
        case _:
            raise TypeError(f"{type(command).__name__} is nothing that is said of a party")
    return () if same else (event,)


def _moved(party: Party, command: MoveParty) -> tuple[PartyEvent, ...] | Refused:
    parent = command.parent
    if (parent.id if parent else None) == party.parent:
        return ()
    wrong = _misplaced(party.id, party.kind, parent, command.height)
    return wrong or (PartyMoved(parent=parent.id if parent else None),)


def _misplaced(identifier: str, kind: str, parent: Above | None, height: int) -> Refused | None:
    """Why a party, with so many levels from it downwards, cannot stand below another."""
    if parent is None:
        return None
    if parent.kind != UNDER.get(kind):
        return _refused("parent_kind_invalid")
    if identifier in {parent.id, *parent.path}:
        return _refused("parent_circular")
    if parent.state == "closed":
        return _refused("party_closed")
    if len(parent.path) + 1 + height > LEVELS_MAX:
        return _refused("tree_too_deep")
    return None


def _traded(party: Party, command: OpenStore | CloseStore) -> tuple[PartyEvent, ...] | Refused:
    there = next((one for one in party.stores if one.id == command.store), None)
    if isinstance(command, CloseStore):
        if there is None:
            return _refused("store_not_found")
        return (StoreClosed(store=there.id),) if there.state == "open" else ()
    if party.kind != "merchant":
        return _refused("party_kind_invalid")
    if there is not None:
        return ()
    if len(party.stores) >= STORES_MAX:
        return _refused("too_many_stores")
    return (StoreOpened(store=command.store, name=command.name),)


def _filed(
    party: Party, command: AddDocument | RemoveDocument
) -> tuple[PartyEvent, ...] | Refused:  # fmt: skip
    there = party.document(command.document)
    if isinstance(command, RemoveDocument):
        return (DocumentRemoved(document=there.id),) if there else _refused("document_not_found")
    if there is not None:
        return ()
    if len(party.documents) >= DOCUMENTS_MAX:
        return _refused("too_many_documents")
    return (DocumentAdded(**asdict(command)),)


def _after(party: Party, event: PartyEvent, at: datetime) -> dict[str, Any]:
    """The fields that an event changes."""
    match event:
        case PartyVerified(tier=tier):
            changed: dict[str, Any] = {"kyc": "verified", "tier": tier}
        case PartyRejected():
            changed = {"kyc": "rejected", "tier": 0}
        case PartyChanged() | PartyMoved() | PartyAssigned():
            changed = event.model_dump()
        case StoreOpened() | StoreClosed():
            changed = {"stores": _stores(party, event)}
        case DocumentAdded() | DocumentRemoved():
            changed = {"documents": _documents(party, event, at)}
        case _:
            changed = {"state": _STATES[type(event)]}
    return changed


_STATES: dict[type[PartyEvent], str] = {
    PartyActivated: "active",
    PartySuspended: "suspended",
    PartyResumed: "active",
    PartyClosed: "closed",
}


def _stores(party: Party, event: StoreOpened | StoreClosed) -> tuple[Store, ...]:
    if isinstance(event, StoreOpened):
        return (*party.stores, Store(id=event.store, name=event.name))
    return tuple(
        replace(one, state="closed") if one.id == event.store else one for one in party.stores
    )


def _documents(
    party: Party, event: DocumentAdded | DocumentRemoved, at: datetime
) -> tuple[Document, ...]:
    others = tuple(one for one in party.documents if one.id != event.document)
    if isinstance(event, DocumentRemoved):
        return others
    about = event.model_dump(exclude={"document"})
    return (*others, Document(id=event.document, added_at=at, **about))


def _refused(code: str) -> Refused:
    return Refused(code, REFUSALS[code])
