"""Loyalty points: a processor that says how many somebody earns, and its effect, which books them.

The module is named by an entry point of the group `mmo.processors`. Its processor is then offered
like mmo's own: template, settings, versions, shadow, approval. Its effect is run by mmo, with
retries, and may be run twice for one request: it knows the request by its id.
"""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from pydantic import Field

from mmo.bep.event import BusinessEvent, EventKind
from mmo.bep.facts import RuleFacts
from mmo.bep.processor import Effect, MetadataError, Offers, Reaction, Reactor, Requested
from mmo.bep.spelling import Settings

KIND = "loyalty-points"
FILE = "LOYALTY_POINTS_FILE"
"""Environment: where the points are written, a line each. A real one would call its own service."""


class Points(Settings):
    """How points are earned."""

    minor_per_point: int = Field(
        title="One point for so much", description="In minor units.", ge=1, le=10**12
    )
    earner: str = Field(default="payer", title="Who earns them", max_length=40)
    most: int = Field(default=1000, title="At most, for one event", ge=1, le=10**6)


class LoyaltyPoints(Reactor[Points]):
    """Ask that points be booked. Pure: the effect does it."""

    name = "loyalty-points"
    title = "Loyalty points"
    help = "Gives points to a party of the event, by its amount."
    metadata = Points

    def fits(self, kind: EventKind) -> bool:
        return super().fits(kind) and kind.amount and bool(kind.parties)

    def options(self, offers: Offers) -> Mapping[str, Any]:
        fitting = (kind for kind in offers.events if self.fits(kind))
        return {"earner": sorted({role for kind in fitting for role in kind.parties})}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> Points:  # noqa: ARG002
        metadata = self.stored(written)
        if metadata.earner not in kind.parties:
            raise MetadataError(("/earner", f"{kind.name} has {', '.join(sorted(kind.parties))}"))
        return metadata

    def reactions(
        self,
        event: BusinessEvent,
        facts: RuleFacts,  # noqa: ARG002
        metadata: Points,
    ) -> Sequence[Reaction]:
        if event.amount is None:
            return ()
        points = min(event.amount.minor // metadata.minor_per_point, metadata.most)
        if not points:
            return ()
        earner = event.parties[metadata.earner]
        return (Reaction(kind=KIND, data={"wallet": earner, "points": points}),)


class BookPoints(Effect):
    """Write the points down, once for each request."""

    kind = KIND

    async def carry_out(self, requested: Requested) -> None:
        line = {"id": requested.id, "tenant": requested.tenant, **requested.data}
        await asyncio.to_thread(_append, Path(os.environ[FILE]), line)


def _append(path: Path, line: Mapping[str, Any]) -> None:
    with path.open("a+", encoding="utf-8") as file:
        flock(file, LOCK_EX)
        file.seek(0)
        if not any(json.loads(written)["id"] == line["id"] for written in file):
            file.write(json.dumps(line) + "\n")
