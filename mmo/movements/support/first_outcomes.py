"""First outcomes: a caller who waits in this process is told as soon as the books are written."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from mmo.movements.support.outcome import Outcome


class FirstOutcomes:
    """Futures by movement. What nobody waits for here is read from the command table instead."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[Outcome]]] = {}

    @contextmanager
    def expect(self, movement: str) -> Generator[asyncio.Future[Outcome]]:
        """Wait for a movement's outcome while the block runs."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(movement, []).append(future)
        try:
            yield future
        finally:
            waiting = self._waiting[movement]
            waiting.remove(future)
            if not waiting:
                del self._waiting[movement]

    def announce(self, movement: str, outcome: Outcome) -> None:
        """Hand the outcome to everyone who waits for it here."""
        for future in self._waiting.get(movement, ()):
            if not future.done():
                future.set_result(outcome)
