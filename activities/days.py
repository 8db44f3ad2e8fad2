"""Activities of the end of day: each step may be repeated, and finds what was done before it."""

from dataclasses import dataclass
from typing import Protocol

from temporalio import activity


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingDay:
    """A day of an operator's books that was cut off."""

    tenant: str
    tenant_id: int
    date: str
    """ISO 8601."""


class DaySteps(Protocol):
    """What the activities do."""

    async def settle(self, day: ClosingDay) -> None:
        """Wait until what was under way at the cut-off has ended. Raises NotSettledError."""
        ...

    async def derive(self, day: ClosingDay) -> int:
        """Post what the day is recognised as in the operator's own book; how many journals."""
        ...

    async def balance(self, day: ClosingDay) -> str:
        """Write the trial balance down; its totals in words. Raises UnbalancedError."""
        ...

    async def report(self, day: ClosingDay) -> int:
        """Keep the day's reports; how many there are."""
        ...

    async def close(self, day: ClosingDay) -> str:
        """Seal and close the day; its hash."""
        ...


class DayActivities:
    """The doors of the end of day."""

    def __init__(self, steps: DaySteps) -> None:
        self._steps = steps

    @activity.defn(name="days.settle")
    async def settle(self, day: ClosingDay) -> None:
        """Wait until what was under way at the cut-off has ended. Reads only."""
        await self._steps.settle(day)

    @activity.defn(name="days.derive")
    async def derive(self, day: ClosingDay) -> int:
        """Post what the day is recognised as. Repeated, the ledger finds each journal there."""
        return await self._steps.derive(day)

    @activity.defn(name="days.balance")
    async def balance(self, day: ClosingDay) -> str:
        """Write the trial balance down. Repeated, the first one stays."""
        return await self._steps.balance(day)

    @activity.defn(name="days.report")
    async def report(self, day: ClosingDay) -> int:
        """Keep the day's reports. Repeated, the first ones stay."""
        return await self._steps.report(day)

    @activity.defn(name="days.close")
    async def close(self, day: ClosingDay) -> str:
        """Seal and close the day. Repeated, it is closed already."""
        return await self._steps.close(day)
