"""Who waits for something new in their inbox, in this process."""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager

from mmo.database.listening import notified
from mmo.notifications.inbox import CHANNEL

Inbox = tuple[int, str]
"""Tenant and user."""


class Bells:
    """Rings for those whose inbox has something new."""

    def __init__(self) -> None:
        self._waiting: dict[Inbox, list[asyncio.Event]] = defaultdict(list)

    async def run(self, dsn: str) -> None:
        """Ring whenever it is told, until cancelled; for everybody after a lost connection."""
        async for told in notified(dsn, CHANNEL):
            if told is None:
                rung = [one for waiting in self._waiting.values() for one in waiting]
            else:
                tenant, _, user = told.partition("/")
                rung = self._waiting.get((int(tenant), user), [])
            for one in rung:
                one.set()

    def count(self, inbox: Inbox) -> int:
        """How many wait for this inbox."""
        return len(self._waiting.get(inbox, ()))

    @contextmanager
    def bell(self, inbox: Inbox) -> Generator[asyncio.Event]:
        """An event that is set when there is something new; whoever waits clears it."""
        event = asyncio.Event()
        self._waiting[inbox].append(event)
        try:
            yield event
        finally:
            self._waiting[inbox].remove(event)
            if not self._waiting[inbox]:
                del self._waiting[inbox]
