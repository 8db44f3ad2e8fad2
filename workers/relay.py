"""Role relay: publishes the feed to the broker, in order, each event at least once."""

import asyncio
from typing import Any

from psycopg_pool import AsyncConnectionPool

from mmo.messaging.nats import NatsBroker
from mmo.messaging.ports import Broker, BrokerAwayError
from mmo.messaging.postgres import move_to, position_of, read_feed
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from workers.loops import run_alone, run_ready, woken_by_feed
from workers.wiring import open_pool

CONSUMER = "relay"


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Relay until told to stop."""
    await run_ready(settings, stop, loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Publish whatever the feed brings. While the broker is away, money goes on moving."""
    broker = NatsBroker(settings.nats_url)
    async with open_pool(settings) as pool, woken_by_feed(settings) as wake:
        relay = Relay(pool, broker)
        await run_alone("relay", settings, stop, relay.round, wake=wake)
    await broker.close()


class Relay:
    """Reads a page, publishes it, and only then remembers that it did."""

    def __init__(self, pool: AsyncConnectionPool[Any], broker: Broker) -> None:
        self._pool = pool
        self._broker = broker
        self._tenants = TenantRegister(pool)

    async def round(self) -> bool:
        """Publish one page; true when there may be more. A page that was cut short is repeated."""
        async with self._pool.connection() as connection:
            after = await position_of(connection, CONSUMER)
            events = await read_feed(connection, after)
        if not events:
            return False
        tenants = await self._tenants.numbered(event.tenant_id for event in events)
        slugs = {number: tenant.slug for number, tenant in tenants.items()}
        try:
            await self._broker.publish([(slugs[event.tenant_id], event) for event in events])
        except BrokerAwayError as error:
            raise OSError(f"the broker is away: {error}") from error
        async with self._pool.connection() as connection:
            await move_to(connection, CONSUMER, events[-1].xid)
        return True
