"""What a process asks for in a step, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal, TypeAlias

from mmo.bep.verdict import Approval, Ask
from mmo.kernel.envelope import Envelope
from mmo.kernel.refusals import Refused


class Verb(Enum):
    """What is done with a step. A hold and its release have numbers of their own in the ledger."""

    EXECUTE = "execute"
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"

    def number(self, step: int) -> int:
        """The step's number in the ledger's key."""
        return step + {Verb.RESERVE: 1000, Verb.RELEASE: 2000}.get(self, 0)


def is_hold(number: int) -> bool:
    """Whether a number in the ledger's key is that of a step's hold."""
    return Verb.RESERVE.number(0) <= number < Verb.RELEASE.number(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One step of a movement, asked of the activities. Ids and amounts only: nothing personal."""

    envelope: Envelope
    movement: str
    command: dict[str, Any]
    """The canonical command: wallets by id."""
    step: int = 1
    answers: bool = True
    """Whether the outcome of this step is what the caller waits for."""
    because: str = ""
    """The refusal code that the step gives back for, such as returned_by_bank."""
    asked: tuple[Ask, ...] = ()
    """Whose agreement rules have asked for so far: a rule that changed takes nothing back."""
    approvals: tuple[Approval, ...] = ()
    """Who has agreed, verified."""
    joined: dict[str, str] = field(default_factory=dict[str, str])
    """Role → wallet, of those who join for this step."""
    bank_reference: str = ""
    """The entry on the trust bank's statement that an answer named for this step."""
    answer: str = ""
    """The id of the verified answer that the step rests on."""
    tried: dict[str, int] = field(default_factory=dict[str, int])
    """Number of a step → how often it was tried by the runs before this one."""
    resumed: bool = False
    """Whether an earlier run of the process has waited: answers may have come that it lost."""

    def then(self, step: int, *, answers: bool = True, because: str = "") -> "Request":
        """Ask for another step of the same movement."""
        return replace(
            self, step=step, answers=answers, because=because, joined={}, bank_reference="",
            answer="",
        )  # fmt: skip

    def joining(
        self, joined: Mapping[str, str], bank_reference: str = "", answer: str = ""
    ) -> "Request":
        """Ask for the step with what an answer brings along."""
        return replace(self, joined=dict(joined), bank_reference=bank_reference, answer=answer)

    def agreed(self, asked: tuple[Ask, ...], approvals: tuple[Approval, ...]) -> "Request":
        """Ask for the same step again, now that these have agreed to what was asked."""
        return replace(self, asked=asked, approvals=approvals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The step's legs are in the books."""

    journal: int
    state: str
    """The movement's state after the step."""
    at: str
    """When it was posted: RFC 3339, UTC."""
    position: str
    """Where the event stands in the feed: what a reader of its own writes waits for."""
    prices: dict[str, int] = field(default_factory=dict[str, int])
    """Symbol → minor units."""
    record: dict[str, Any] = field(default_factory=dict[str, Any])
    """The decision record, as it stands in the journal."""
    outcome: Literal["posted"] = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The step's legs are set aside: they are posted when captured, or given back."""

    journal: int
    at: str
    position: str
    state: str = "pending_approval"
    asks: tuple[Ask, ...] = ()
    """Whose agreement is needed; none where a process reserved by itself."""
    record: dict[str, Any] = field(default_factory=dict[str, Any])
    outcome: Literal["held"] = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a step had set aside is free again."""

    journal: int
    at: str
    position: str
    state: str = "refused"
    record: dict[str, Any] = field(default_factory=dict[str, Any])
    outcome: Literal["released"] = "released"


Outcome: TypeAlias = Posted | Held | Released | Refused


def told(outcome: Outcome) -> dict[str, Any]:
    """The outcome as the command table tells it: what movements.post writes there too."""
    refused = isinstance(outcome, Refused)
    state = "refused" if refused else outcome.state
    code = outcome.code if refused else outcome.record.get("because") or None
    return {
        "outcome": "refused" if state == "refused" else outcome.outcome,
        "state": state,
        "journal": None if refused else outcome.journal,
        "at": outcome.record.get("decided_at") if refused else outcome.at,
        "position": outcome.position,
        "prices": outcome.prices if isinstance(outcome, Posted) else {},
        "code": code,
        "detail": outcome.details if refused else {},
    }
