"""Putting back into the broker's stream what it has lost: the database has every event.

The ids that the stream still holds are gathered in a temporary table, so that a stream of any
length costs no memory; then the feed is walked page by page, and what is not there is published.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mmo.messaging.event import Event
from mmo.messaging.ports import Broker
from mmo.messaging.postgres import read_feed

REFILLS = Counter("mmo_relay_refills", "Times that the stream had lost messages.")
REFILLED = Counter("mmo_relay_refilled_events", "Events that were published again.")

Publish = Callable[[Sequence[Event]], Awaitable[None]]

_log = structlog.get_logger()


class Refill:
    """One pass over the feed, up to where the relay stood. Safe to begin anew at any time."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], broker: Broker, publish: Publish, until: int
    ) -> None:
        self._pool = pool
        self._broker = broker
        self._publish = publish
        self._until = until
        self._after = 0
        self._count = 0
        self._connection: AsyncConnection[Any] | None = None

    async def begin(self) -> None:
        """Gather what the stream holds; new events wait so long. Raises BrokerAwayError."""
        REFILLS.inc()
        _log.warning("relay.stream_has_lost_messages", until=self._until)
        connection = await self._pool.getconn()
        self._connection = connection
        await connection.set_autocommit(True)  # an open transaction would hold the feed back
        await connection.execute("CREATE TEMP TABLE stream_message (id uuid)")
        async for page in self._broker.ids():
            await connection.execute("INSERT INTO stream_message SELECT unnest(%s::uuid[])", [page])
        await connection.execute("CREATE INDEX ON stream_message (id)")
        await connection.execute("ANALYZE stream_message")

    async def step(self) -> bool:
        """Publish what is missing of one page; false when the pass is over."""
        assert self._connection is not None, "a refill begins before its steps"
        events = await read_feed(self._connection, self._after, until=self._until)
        if not events:
            _log.warning("relay.stream_refilled", events=self._count)
            return False
        absent = await self._absent(self._connection, [event.id for event in events])
        missing = [event for event in events if event.id in absent]
        if missing:
            await self._publish(missing)
        REFILLED.inc(len(missing))
        self._count += len(missing)
        self._after = events[-1].xid
        return True

    async def end(self) -> None:
        """Give the connection back as it was."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.execute("DROP TABLE IF EXISTS stream_message")
            await connection.set_autocommit(False)
        finally:
            await self._pool.putconn(connection)

    @staticmethod
    async def _absent(connection: AsyncConnection[Any], ids: list[UUID]) -> set[UUID]:
        cursor = await connection.execute(
            """SELECT wanted.id FROM unnest(%s::uuid[]) wanted (id)
                WHERE NOT EXISTS (SELECT FROM stream_message s WHERE s.id = wanted.id)""",
            [ids],
        )
        return {row[0] for row in await cursor.fetchall()}
