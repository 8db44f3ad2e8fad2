"""Triggers: what must have happened before a later step of a movement may be asked for."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAnswer:
    """Somebody's answer was verified: the step is asked with whom, and what, it brought along."""

    name: str
    choice: str
    because: str = ""
    """The refusal code that the step then gives money back for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDeadline:
    """The time that the movement waits is over."""

    because: str = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRefusal:
    """The books refused an earlier step; the money goes back for that step's refusal code."""

    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnGrant:
    """The maker held a scope by which the step needs no answer."""

    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnField:
    """The command itself names something by which the step needs no answer."""

    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecipient:
    """A wallet for the voucher's number takes money: it, and no other, is paid."""

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnHold:
    """The first step was set aside, because the receiver is short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCollection:
    """All that a receiver owed was collected, or the time for it is over."""

    because: str = "lien_expired"


Trigger: TypeAlias = (
    OnAnswer | OnDeadline | OnRefusal | OnGrant | OnField | OnRecipient | OnHold | OnCollection
)
