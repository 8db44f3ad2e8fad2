"""A term: one version of a document, as whoever decides by it holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A version that is in force, was so lately, or will be."""

    kind: str
    """What the document is, such as `tariff`."""
    id: str
    """Of the definition whose version it is."""
    key: Mapping[str, Any]
    """What it is for; one definition of a kind that is not retired has it."""
    number: int
    content: Any
    since: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at that moment."""
        return self.since <= at and (self.until is None or at < self.until)
