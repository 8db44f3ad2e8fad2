"""The kinds of changes, found in the modules of `mmo.changes`."""

import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

from psycopg import AsyncConnection

from mmo.bep.event import EventKind
from mmo.bep.platform import EVENTS
from mmo.changes.support.asked import Asked, Carried
from mmo.kernel.refusals import Refused

PACKAGE = "mmo.changes"
Handler: TypeAlias = Callable[[AsyncConnection[Any], Asked], Awaitable[Carried | Refused]]
"""Writes the rows of a change in the transaction that it is given. Raises DeclinedError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeKind:
    """One command that moves no money. Each module of `mmo.changes` lists its own as KINDS."""

    event: str
    """The business event that it raises, `<entity>.<action>`."""
    scope: str
    """Who has it may read what became of such a change, whoever asked."""
    carry_out: Handler
    waits: bool = True
    """Whether it may wait for approval: not where it hands out a secret, or is given one."""
    tells_itself: bool = False
    """Whether it appends events of its own aggregate and the audit's row itself."""
    hidden: frozenset[str] = frozenset()
    """Members of the body that are personal: neither its event nor an inbox shows them."""

    @property
    def raises(self) -> EventKind:
        """The business event, as the catalogue has it."""
        return _events()[self.event]

    def shown(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body without what is personal."""
        return {name: value for name, value in body.items() if name not in self.hidden}


@cache
def kinds() -> dict[str, ChangeKind]:
    """Every kind of change by its event. Raises ImportError where two raise one event."""
    found: dict[str, ChangeKind] = {}
    for module in pkgutil.iter_modules(import_module(PACKAGE).__path__):
        if module.ispkg:
            continue
        for kind in getattr(import_module(f"{PACKAGE}.{module.name}"), "KINDS", ()):
            if kind.event in found or kind.event not in _events():
                raise ImportError(f"{kind.event} is there twice, or is no event of the platform")
            found[kind.event] = kind
    return found


@cache
def _events() -> dict[str, EventKind]:
    return {kind.name: kind for kind in EVENTS}
