"""What may be asked of a party. Facts that lie outside of it come with the command."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """The party that is to stand above another, and where it stands itself."""

    id: str
    kind: str
    state: str
    path: tuple[str, ...] = ()
    """Who stands above it, the nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterParty:
    """Ask that somebody is known. `person`: sealed; `alias`: blind index of the number, hex."""

    kind: str
    person: str
    alias: str
    language: str
    parent: Above | None = None
    office: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeParty:
    """Ask for other contact data or another language."""

    person: str
    alias: str
    language: str


@dataclass(frozen=True, slots=True)
class ActivateParty:
    """Ask that it may have wallets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendParty:
    """Ask that nothing of it moves."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeParty:
    """Ask that it goes on."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseParty:
    """Ask for its end. `wallets`, `children`: how many it still has that are not closed."""

    reason: str
    wallets: int
    children: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyParty:
    """Ask that its identity counts as proved, for a tier from 1 to 3."""

    tier: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectKyc:
    """Ask that its identity counts as not proved."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveParty:
    """Ask that another stands above it. `height`: levels of the tree below it."""

    parent: Above | None
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignOffice:
    """Ask that another office, which is open, looks after it."""

    office: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStore:
    """Ask that a merchant has one more store."""

    store: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseStore:
    """Ask that a store ends."""

    store: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDocument:
    """Ask that a document of KYC is on file; what it shows is kept already."""

    document: str
    type: str
    country: str
    expires: date | None
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveDocument:
    """Ask that it is not."""

    document: str


PartyCommand = (
    RegisterParty
    | ChangeParty
    | ActivateParty
    | SuspendParty
    | ResumeParty
    | CloseParty
    | VerifyParty
    | RejectKyc
    | MoveParty
    | AssignOffice
    | OpenStore
    | CloseStore
    | AddDocument
    | RemoveDocument
)
