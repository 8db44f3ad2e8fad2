"""What movements need from the outside world."""

from dataclasses import dataclass, field
from typing import Protocol

from mmo.ledger.recorded import Recorded, Stale
from mmo.movements.support.decide import Draft
from mmo.movements.support.facts import Facts
from mmo.movements.support.outcome import Outcome, Request, Verb


class UnknownTenantError(Exception):
    """No operator of that number keeps books."""


class FactsReader(Protocol):
    """Reads all that a decision needs, in one call."""

    async def read(self, request: Request, verb: Verb) -> Facts:
        """Read the facts of one step.

        Raises KeyReusedError where the key has another request, and UnknownTenantError.
        """
        ...

    async def recipient(self, request: Request) -> str | None:
        """The wallet that was opened for a voucher's number, if it takes money by now."""
        ...


class Writer(Protocol):
    """The one writer of movements: posting, event and outcome in one transaction."""

    async def post(self, draft: Draft) -> Recorded | Stale:
        """Record the step once; a repeat gets the first outcome. Raises as the ledger does."""
        ...


class Announcer(Protocol):
    """Tells a caller who waits in this very process."""

    def announce(self, movement: str, outcome: Outcome) -> None:
        """Hand the outcome over; where nobody waits, nothing happens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer from outside that was proved genuine: who, and what was chosen."""

    name: str
    choice: str
    subject: str
    note: str = ""
    joined: dict[str, str] = field(default_factory=dict[str, str])
    """Role → wallet, of those whom the answer brings along."""
    bank_reference: str = ""
    id: str = ""
    """Of its document, by which its row is found."""


class AnswerVerifier(Protocol):
    """Proves the signed document of an answer, and keeps what it says. Safe to repeat."""

    async def verify(self, request: Request, document: str) -> Answered | str:
        """Answer with what the document says, or with the reason why it does not count."""
        ...

    async def unread(self, request: Request) -> list[str]:
        """Documents that an earlier run of the process may have lost, in the order they came."""
        ...


class NoAnswers:
    """The verifier of a process that carries no answers out."""

    async def verify(self, request: Request, document: str) -> Answered | str:  # noqa: ARG002
        """Prove nothing."""
        return "this process takes no answers"

    async def unread(self, request: Request) -> list[str]:  # noqa: ARG002
        """Know of none."""
        return []


class NobodyWaits:
    """The announcer of a process that has no callers of its own."""

    def announce(self, movement: str, outcome: Outcome) -> None:
        """Do nothing: the outcome is in the command table."""
