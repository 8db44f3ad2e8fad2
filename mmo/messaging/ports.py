"""The broker, as the relay sees it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from mmo.messaging.event import Event


class BrokerAwayError(Exception):
    """The broker did not take every message; all of them may be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMark:
    """A stream at one moment. What follows it grows, or messages were lost.

    `missing`: numbers below `last` without a message. A stream without limits loses none by itself.
    """

    created: str
    last: int
    missing: int
    limited: bool = False
    """Whether its settings let it drop messages: then those are meant to be gone."""

    def lost_since(self, before: "StreamMark") -> bool:
        """Whether messages that were there before are there no more, as far as can be told."""
        dropped = self.missing > before.missing and not self.limited
        return self.created != before.created or self.last < before.last or dropped


class Broker(Protocol):
    """Takes events and passes them on."""

    async def publish(self, events: Sequence[tuple[str, Event]], anew: str = "") -> None:
        """Publish (tenant, event) pairs and wait until each is stored. Raises BrokerAwayError.

        Safe to repeat: the broker knows a message by the event's id. It remembers ids for a while
        after it has lost their messages, too: with `anew`, the name of one attempt to put them
        back, it knows them by both.
        """
        ...

    async def mark(self) -> StreamMark:
        """Say where the stream stands. Raises BrokerAwayError."""
        ...

    def ids(self) -> AsyncGenerator[list[UUID]]:
        """Answer the ids of all messages in the stream, page by page. Raises BrokerAwayError."""
        ...
