"""Activities of reconciliations: they read, and write nothing but their own row."""

from dataclasses import dataclass
from typing import Any, Protocol

from temporalio import activity


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A reconciliation, by its row."""

    tenant: str
    tenant_id: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One part of the movements of a reconciliation."""

    asked: Asked
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of all parts, as JSON; no parts: it failed."""

    asked: Asked
    parts: tuple[dict[str, Any], ...] = ()


class ReconciliationSteps(Protocol):
    """What the activities do. Each may be repeated."""

    async def parts(self, asked: Asked) -> int:
        """Into how many parts the movements are cut. Raises LookupError where there is no row."""
        ...

    async def check(self, part: Slice) -> dict[str, Any]:
        """Hold the movements of a part against each other; the tally."""
        ...

    async def finish(self, found: Found) -> None:
        """Put the parts together, and keep the result; the first one stays."""
        ...


class ReconciliationActivities:
    """The doors of reconciliations."""

    def __init__(self, steps: ReconciliationSteps) -> None:
        self._steps = steps

    @activity.defn(name="reconciliations.parts")
    async def parts(self, asked: Asked) -> int:
        """Say into how many parts the movements are cut. Reads only."""
        return await self._steps.parts(asked)

    @activity.defn(name="reconciliations.check")
    async def check(self, part: Slice) -> dict[str, Any]:
        """Hold the movements of a part against each other. Reads only."""
        return await self._steps.check(part)

    @activity.defn(name="reconciliations.finish")
    async def finish(self, found: Found) -> None:
        """Keep what came of it. Repeated, the first one stays."""
        await self._steps.finish(found)
