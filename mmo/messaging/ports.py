"""The broker, as the relay sees it."""

from collections.abc import Sequence
from typing import Protocol

from mmo.messaging.event import Event


class BrokerAwayError(Exception):
    """The broker did not take every message; all of them may be sent again."""


class Broker(Protocol):
    """Takes events and passes them on."""

    async def publish(self, events: Sequence[tuple[str, Event]]) -> None:
        """Publish (tenant, event) pairs and wait until each is stored. Raises BrokerAwayError.

        Safe to repeat: the broker knows a message by the event's id.
        """
        ...
