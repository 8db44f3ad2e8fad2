"""The loop that wakes sleeping movements: an event of the feed may be what they wait for."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from psycopg import sql
from psycopg_pool import AsyncConnectionPool
from temporalio.service import RPCError, RPCStatusCode

from api.start import RPC_TIMEOUT
from mmo.keys.ports import KeysAwayError, NoKeyError
from mmo.messaging.event import Event
from mmo.messaging.postgres import move_to, position_of, read_feed
from mmo.movements.support.catalogue import movements
from mmo.movements.support.waking import Waker
from mmo.settings import Settings
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant
from workers.loops import run_alone, woken_by_feed
from workers.wiring import (
    TenantClients,
    key_store,
    open_envelope,
    open_pool,
    open_trust,
    tenant_clients,
)
from workflows.support.signals import WAKE

CONSUMER = "waker"
SIGNALS_MAX = 20
"""Signals that are sent at the same time."""

WOKEN = Counter("mmo_movements_woken", "Signals that woke a sleeping movement.")
LOST = Counter("mmo_movements_not_woken", "Sleepers of tenants whose key is destroyed.")

_log = structlog.get_logger()
_TYPED = """WITH found AS ({find})
            SELECT DISTINCT c.tenant_id, c.type, c.movement_id
              FROM found f
              JOIN movements.command c ON c.tenant_id = f.tenant_id
                                      AND c.movement_id = f.movement_id"""


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """Wake whom each event may concern. While Temporal is away, it waits."""
    async with (
        open_pool(settings) as pool,
        open_trust(settings) as trust,
        woken_by_feed(settings) as wake,
    ):
        clients = tenant_clients(settings, open_envelope(key_store(settings), trust))
        waking = Waking(pool, clients, wakers())
        await run_alone("waker", settings, stop, waking.round, wake=wake)


def wakers() -> list[Waker]:
    """Every waker of the catalogue, each name once."""
    named = {one.name: one for movement in movements().values() for one in movement.woken_by}
    return list(named.values())


@dataclass(frozen=True, slots=True)
class _Sleeper:
    tenant_id: int
    type: str
    movement: UUID


class Waking:
    """Reads a page, signals whom it concerns, and only then remembers that it did."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], clients: TenantClients, known: Sequence[Waker]
    ) -> None:
        self._pool = pool
        self._clients = clients
        self._tenants = TenantRegister(pool)
        self._wakers = known

    async def round(self) -> bool:
        """Look at one page; true when there may be more. A page that was cut short is repeated."""
        async with self._pool.connection() as connection:
            events = await read_feed(connection, await position_of(connection, CONSUMER))
        if not events:
            return False
        found: dict[_Sleeper, Event] = {}
        for waker in self._wakers:
            found |= await self._sleepers(waker, events)
        tenants = await self._tenants.numbered(one.tenant_id for one in found)
        slots = asyncio.Semaphore(SIGNALS_MAX)
        await asyncio.gather(
            *(self._wake(tenants[one.tenant_id], one, event, slots) for one, event in found.items())
        )
        async with self._pool.connection() as connection:
            await move_to(connection, CONSUMER, events[-1].xid)
        return True

    async def _sleepers(self, waker: Waker, events: Iterable[Event]) -> dict[_Sleeper, Event]:
        """Whom the page may concern, by one waker, and the newest event that its operator told it.

        However many events of a page concern a movement, it is woken once.
        """
        told = {(event.tenant_id, key): event for event in events for key in waker.about(event)}
        if not told:
            return {}
        newest = {event.tenant_id: event for event in told.values()}
        query = sql.SQL(_TYPED).format(find=sql.SQL(waker.find))
        values = {"tenants": [tenant for tenant, _ in told], "keys": [key for _, key in told]}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, values)
            rows = await cursor.fetchall()
        return {_Sleeper(*row): newest[row[0]] for row in rows}

    async def _wake(
        self, tenant: Tenant, sleeper: _Sleeper, event: Event, slots: asyncio.Semaphore
    ) -> None:
        name = f"{tenant.slug}/{sleeper.type}/{sleeper.movement}"
        async with slots:
            try:
                client = await self._clients(tenant)
                handle = client.get_workflow_handle(name)
                await handle.signal(WAKE, str(event.id), rpc_timeout=RPC_TIMEOUT)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return  # It has ended, or has not begun and will look by itself.
                raise
            except KeysAwayError as error:
                raise OSError(f"the keys are away: {error}") from error
            except NoKeyError:
                LOST.inc()
                _log.warning("waker.no_key", tenant=tenant.slug, movement=str(sleeper.movement))
                return
        WOKEN.inc()
