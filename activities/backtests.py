"""Activities of back-tests: recorded decisions made again under other rules."""

from dataclasses import dataclass
from typing import Any, Protocol

from temporalio import activity


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A back-test, by its row."""

    tenant: str
    tenant_id: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the movements of a back-test."""

    trial: Trial
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What came of one part. `tally`: its JSON; the time is processor time."""

    tally: dict[str, Any]
    cpu_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a back-test is."""

    trial: Trial
    parts: int
    decisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """All that came of a back-test; no parts: it failed."""

    trial: Trial
    parts: tuple[Counted, ...] = ()


class BacktestSteps(Protocol):
    """What the activities do. Each may be repeated."""

    async def parts(self, trial: Trial) -> int:
        """Into how many parts the movements are cut. Raises LookupError where there is no row."""
        ...

    async def count(self, part: Part) -> Counted:
        """Make the decisions of a part again. Calls `alive` after each page."""
        ...

    async def progress(self, progress: Progress) -> None:
        """Keep how far it is."""
        ...

    async def finish(self, finding: Finding) -> None:
        """Put the parts together, and keep the result; the first one stays."""
        ...


class BacktestActivities:
    """The doors of back-tests. Nothing but their own row is ever written."""

    def __init__(self, steps: BacktestSteps) -> None:
        self._steps = steps

    @activity.defn(name="backtests.parts")
    async def parts(self, trial: Trial) -> int:
        """Say into how many parts the movements are cut."""
        return await self._steps.parts(trial)

    @activity.defn(name="backtests.count")
    async def count(self, part: Part) -> Counted:
        """Make the decisions of a part again."""
        return await self._steps.count(part)

    @activity.defn(name="backtests.progress")
    async def progress(self, progress: Progress) -> None:
        """Keep how far it is."""
        await self._steps.progress(progress)

    @activity.defn(name="backtests.finish")
    async def finish(self, finding: Finding) -> None:
        """Keep what came of it."""
        await self._steps.finish(finding)
