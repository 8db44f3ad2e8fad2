"""A change as it is asked for, and what may come of it. Values, without anything behind them."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from mmo.approvals.awaited import Awaited
from mmo.kernel.envelope import Actor
from mmo.kernel.refusals import Refused


class DeclinedError(Exception):
    """The change does not fit what is there: nothing is written. `code`: a published problem's.

    `errors`: places within the body, as JSON pointers, and what is wrong there.
    """

    def __init__(self, code: str, detail: str = "", *errors: tuple[str, str]) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command that moves no money, by whoever asked."""

    tenant: str
    tenant_id: int
    id: UUID
    """Of the change, minted when it is accepted: it is carried out once under it."""
    event: str
    """`<entity>.<action>`."""
    object: str
    """`<entity>/<id>`."""
    body: dict[str, Any]
    """JSON: all that the change needs, so that it can wait."""
    actor: Actor
    unkept: Any = field(default=None, repr=False)
    """What is never written down as it came, such as a secret; a change that waits has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The change is there."""

    result: Any = None
    """What it is now, for the answer; None where it was carried out before."""
    secret: str | None = field(default=None, repr=False)
    """Shown once to whoever asked."""
    before: Any = None
    after: Any = None
    """Contents whose hashes the audit keeps."""
    object: str = ""
    """Where the change itself gave the object its name."""
    position: str = ""
    """Where its event stands in the feed."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Rules ask approval for it: it waits."""

    awaited: Awaited


@dataclass(frozen=True, slots=True, kw_only=True)
class WentOn:
    """What came of a change once people had agreed: there, refused, or more is asked."""

    code: str = ""
    """Of the refusal."""
    asks: tuple[dict[str, Any], ...] = ()
    """Everybody who is asked, as rows, where rules ask for more agreement by now."""


Outcome: TypeAlias = Carried | Refused | Parked
