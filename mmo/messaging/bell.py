"""The bell that wakes the readers of the feed: NOTIFY after the commit, never inside it.

A NOTIFY inside the posting transaction would take a lock that all commits of the cluster queue
for. So the writer rings afterwards, once per few milliseconds, and a reader that hears nothing
looks by itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import structlog

CHANNEL = "mmo_feed"
RING_EVERY_S = 0.005
LOOK_EVERY_S = 0.25
RECONNECT_S = 1.0

_log = structlog.get_logger()


class Bell:
    """Rings for the readers of the feed, on a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Say that something was committed. Cheap; many rings become one."""
        self._rung.set()

    async def run(self) -> None:
        """Ring until cancelled; a lost connection is made anew."""
        while True:
            with contextlib.suppress(psycopg.OperationalError, OSError):
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True
                ) as connection:
                    while True:
                        await self._rung.wait()
                        self._rung.clear()
                        await connection.execute(f"NOTIFY {CHANNEL}")
                        await asyncio.sleep(RING_EVERY_S)
            await asyncio.sleep(RECONNECT_S)


async def wakes(dsn: str) -> AsyncIterator[None]:
    """Yield whenever the bell rings, and every quarter of a second in any case, for ever."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                while True:
                    yield
                    async for _ in connection.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                        pass
        except (psycopg.OperationalError, OSError) as error:
            _log.warning("feed.database_away", error=str(error).strip())
            await asyncio.sleep(RECONNECT_S)
