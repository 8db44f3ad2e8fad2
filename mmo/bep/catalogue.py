"""The catalogue of business events: everything that may happen, by entity and action."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from mmo.bep.event import EventKind

NEAREST_MAX = 3


class UnknownEventError(ValueError):
    """There is no such event; the message names the nearest ones."""


class Catalogue:
    """Every kind of event, found by `<entity>.<action>` or by the words that rules use."""

    def __init__(self, kinds: Iterable[EventKind]) -> None:
        self.kinds: Mapping[str, EventKind] = {
            kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.name)
        }
        self._spoken = {
            (kind.entity, _slug(word)): kind
            for kind in self.kinds.values()
            for word in (*kind.spoken, kind.action)
        }
        self._raised = {raised: kind for kind in self.kinds.values() for raised in kind.raises}

    def find(self, entity: str, event: str) -> EventKind:
        """The event that these words mean, such as `loan` and `waive interest`.

        Raises UnknownEventError.
        """
        found = self._spoken.get((_slug(entity), _slug(event)))
        if found is not None:
            return found
        asked, known = f"{_slug(entity)}.{_slug(event)}", list(self.kinds)
        near = get_close_matches(asked, known, NEAREST_MAX, 0.5) or known[:NEAREST_MAX]
        raise UnknownEventError(f"there is no event {asked[:80]}; nearest: {', '.join(near)}")

    def told_by(self, message_type: str) -> EventKind | None:
        """The event that a message of the feed tells; None where it tells none."""
        return self._raised.get(message_type)


def _slug(words: str) -> str:
    return re.sub(r"[\s_-]+", "-", words.strip().lower())
