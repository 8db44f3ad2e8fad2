"""What happens to a party, as its events tell it. Nothing personal stands in clear."""

from datetime import date

from pydantic import BaseModel, ConfigDict


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartyRegistered(_Event):
    """The operator knows somebody from now on. `person`: sealed; `alias`: index of the number."""

    kind: str
    person: str
    alias: str
    language: str
    parent: str | None = None
    office: str | None = None


class PartyChanged(_Event):
    """Contact data or language are others now."""

    person: str
    alias: str
    language: str


class PartyActivated(_Event):
    """It may have wallets."""


class PartySuspended(_Event):
    """Nothing moves until it is resumed: its wallets are frozen with it."""

    reason: str


class PartyResumed(_Event):
    """The wallets that were frozen with it are unfrozen."""

    reason: str


class PartyClosed(_Event):
    """It has ended; its number is free."""

    reason: str


class PartyVerified(_Event):
    """Its identity is proved, well enough for the tier."""

    tier: int
    reason: str


class PartyRejected(_Event):
    """What it said of its identity is not accepted: it has tier 0."""

    reason: str


class PartyMoved(_Event):
    """Somebody else, or nobody, stands above it."""

    parent: str | None


class PartyAssigned(_Event):
    """Another office looks after it, or none."""

    office: str | None


class StoreOpened(_Event):
    """A merchant has one more place where it is paid."""

    store: str
    name: str


class StoreClosed(_Event):
    """It is no longer paid there."""

    store: str


class DocumentAdded(_Event):
    """A document of KYC is on file. What it shows is kept sealed, elsewhere."""

    document: str
    type: str
    country: str
    expires: date | None
    sha256: str
    size: int
    media_type: str


class DocumentRemoved(_Event):
    """It is on file no longer."""

    document: str


PartyEvent = (
    PartyRegistered
    | PartyChanged
    | PartyActivated
    | PartySuspended
    | PartyResumed
    | PartyClosed
    | PartyVerified
    | PartyRejected
    | PartyMoved
    | PartyAssigned
    | StoreOpened
    | StoreClosed
    | DocumentAdded
    | DocumentRemoved
)

EVENTS: dict[str, type[PartyEvent]] = {
    "mmo.party.registered.v1": PartyRegistered,
    "mmo.party.changed.v1": PartyChanged,
    "mmo.party.activated.v1": PartyActivated,
    "mmo.party.suspended.v1": PartySuspended,
    "mmo.party.resumed.v1": PartyResumed,
    "mmo.party.closed.v1": PartyClosed,
    "mmo.party.verified.v1": PartyVerified,
    "mmo.party.rejected.v1": PartyRejected,
    "mmo.party.moved.v1": PartyMoved,
    "mmo.party.assigned.v1": PartyAssigned,
    "mmo.party.document-added.v1": DocumentAdded,
    "mmo.party.document-removed.v1": DocumentRemoved,
    "mmo.store.opened.v1": StoreOpened,
    "mmo.store.closed.v1": StoreClosed,
}
