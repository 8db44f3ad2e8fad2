"""Role relay: publishes the feed to the broker, in order, each event at least once.

The database has every event for ever, the broker copies: a stream that has lost some is noticed
and filled again.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from mmo.messaging.broker import RELAY, STREAM, login_of
from mmo.messaging.event import Event
from mmo.messaging.nats import NatsBroker
from mmo.messaging.ports import Broker, BrokerAwayError, StreamMark
from mmo.messaging.postgres import move_to, position_of, read_feed
from mmo.messaging.stream_marks import store_mark, stored_mark
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.loops import run_alone, run_ready, woken_by_feed
from workers.refill import Refill
from workers.wiring import open_pool

CONSUMER = "relay"
LOOK_EVERY_S = 2.0
"""How often the relay asks the broker whether its stream is whole."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Relay until told to stop."""
    await run_ready(settings, stop, loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Publish whatever the feed brings. While the broker is away, money goes on moving."""
    broker = NatsBroker(login_of(settings, RELAY))
    async with open_pool(settings) as pool, woken_by_feed(settings) as wake:
        relay = Relay(pool, broker)
        await run_alone("relay", settings, stop, relay.round, wake=wake)
        await relay.close()
    await broker.close()


class Relay:
    """Reads a page, publishes it, and only then remembers that it did."""

    def __init__(self, pool: AsyncConnectionPool[Any], broker: Broker) -> None:
        self._pool = pool
        self._broker = broker
        self._tenants = TenantRegister(pool)
        self._looked_at = -LOOK_EVERY_S
        self._refill: Refill | None = None
        self._refill_mark: StreamMark | None = None
        self._anew = ""

    async def round(self) -> bool:
        """Publish one page; true when there may be more. A page that was cut short is repeated.

        What is new goes before what has to be put back.
        """
        try:
            await self._look()
            more = await self._relay_page()
            return await self._refill_page() or more
        except BrokerAwayError as error:
            raise OSError(f"the broker is away: {error}") from error

    async def close(self) -> None:
        """Give up a refill; whoever comes next begins it anew."""
        refill, self._refill, self._anew = self._refill, None, ""
        if refill is not None:
            await refill.end()

    async def _look(self) -> None:
        """Hold the stream against what it was; begin to fill it where it has lost messages."""
        if self._refill is not None or time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        mark = await self._broker.mark()
        async with self._pool.connection() as connection:
            before = await stored_mark(connection, STREAM)
            position = await position_of(connection, CONSUMER)
        if position and (before is None or mark.lost_since(before)):
            refill = Refill(self._pool, self._broker, self._publish, position)
            try:
                await refill.begin()
            except BaseException:
                await refill.end()
                raise
            self._refill, self._refill_mark, self._anew = refill, mark, str(mark.last)
        elif mark != before:
            await self._store(mark)
        self._looked_at = time.monotonic()

    async def _relay_page(self) -> bool:
        async with self._pool.connection() as connection:
            after = await position_of(connection, CONSUMER)
            events = await read_feed(connection, after)
        if not events:
            return False
        await self._publish(events)
        async with self._pool.connection() as connection:
            await move_to(connection, CONSUMER, events[-1].xid)
        return True

    async def _refill_page(self) -> bool:
        """Put one page back; the mark from before the pass shows what was lost since."""
        if self._refill is None or self._refill_mark is None:
            return False
        try:
            more = await self._refill.step()
        except psycopg.Error:
            await self.close()
            raise
        if not more:
            await self.close()
            await self._store(self._refill_mark)
            self._looked_at = -LOOK_EVERY_S
        return True

    async def _publish(self, events: Sequence[Event]) -> None:
        """Publish; while a pass is under way, past the ids that the broker remembers.

        A new page, too: one whose position was not stored may be among what was lost.
        """
        tenants = await self._tenants.numbered(event.tenant_id for event in events)
        slugs = {number: tenant.slug for number, tenant in tenants.items()}
        await self._broker.publish(
            [(slugs[event.tenant_id], event) for event in events], self._anew
        )

    async def _store(self, mark: StreamMark) -> None:
        async with self._pool.connection() as connection:
            await store_mark(connection, STREAM, mark)
