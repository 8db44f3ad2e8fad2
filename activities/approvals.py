"""Activities of whatever waits for people's agreement."""

from typing import Any, Protocol

from temporalio import activity

from mmo.approvals.awaited import Awaited, Ending, OpenedApproval, Vote


class ApprovalBook(Protocol):
    """Keeps what waits, and who has said what. Every method is safe to repeat."""

    async def open(self, awaited: Awaited) -> OpenedApproval:
        """Show it to those who may agree; what its rows have of it."""
        ...

    async def verify(self, awaited: Awaited, document: str) -> Vote | str:
        """Prove a document and keep the vote; a text says why it does not count."""
        ...

    async def tell(self, awaited: Awaited, what: str, about: dict[str, Any]) -> None:
        """Tell that somebody was reminded, or that others may agree too."""
        ...

    async def close(self, awaited: Awaited, ending: Ending) -> None:
        """Take it out of every inbox."""
        ...


class ApprovalActivities:
    """The doors of the approvals. Each may run twice: what is kept is known by its content."""

    def __init__(self, book: ApprovalBook) -> None:
        self._book = book

    @activity.defn(name="approvals.open")
    async def open(self, awaited: Awaited) -> OpenedApproval:
        """Show what waits to those who may agree; what its rows have of it."""
        return await self._book.open(awaited)

    @activity.defn(name="approvals.verify")
    async def verify(self, awaited: Awaited, document: str) -> Vote | str:
        """Prove a decision's document, and that its author may decide now."""
        return await self._book.verify(awaited, document)

    @activity.defn(name="approvals.tell")
    async def tell(self, awaited: Awaited, what: str, about: dict[str, Any]) -> None:
        """Tell of a reminder or an escalation: reactions bring it to people."""
        await self._book.tell(awaited, what, about)

    @activity.defn(name="approvals.close")
    async def close(self, awaited: Awaited, ending: Ending) -> None:
        """End the approval."""
        await self._book.close(awaited, ending)
