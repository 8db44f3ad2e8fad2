"""Activities of changes that waited for people's agreement."""

from typing import Protocol

from temporalio import activity

from mmo.approvals.awaited import Awaited
from mmo.changes.support.asked import WentOn


class ChangeBook(Protocol):
    """Carries changes out that waited, or ends them. Every method is safe to repeat."""

    async def go_on(self, awaited: Awaited) -> WentOn:
        """Put it to the rules once more, with those who have agreed, and carry it out."""
        ...

    async def end(self, awaited: Awaited, code: str) -> str:
        """Refuse it, for the reason of a code."""
        ...


class ChangeActivities:
    """The doors of changes. Each may run twice: a change is carried out once under its id."""

    def __init__(self, book: ChangeBook) -> None:
        self._book = book

    @activity.defn(name="changes.carry_out")
    async def carry_out(self, awaited: Awaited) -> WentOn:
        """Carry out what people have agreed to."""
        return await self._book.go_on(awaited)

    @activity.defn(name="changes.end")
    async def end(self, awaited: Awaited, code: str) -> str:
        """Refuse what people did not agree to."""
        return await self._book.end(awaited, code)
