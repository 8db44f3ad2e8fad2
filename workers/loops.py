"""Loops over feed and tables: one active each, and a fault costs a pause, never the loop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog
from prometheus_client import Counter, Gauge
from temporalio.service import RPCError

from mmo.messaging.bell import wakes
from mmo.settings import Settings
from workers.ready import notify
from workers.stopping import sleep_or_stop

RETRY_S = 1.0
IDLE_S = 1.0
"""How long a loop that the feed wakes sleeps at most: how soon it sees that it is to stop."""
REST_S = 0.1
"""How long a loop that the feed wakes rests after a round, so that the next has more to do: a lone
event is read at once, and a busy feed in pages, at a fraction of the cost."""
LOCKS = {
    "projector": 1, "relay": 2, "sweeper": 3, "history_export": 4, "rollup": 5, "sealer": 6,
    "reactor": 7, "sms": 8, "webhooks": 9, "waker": 10, "days": 11, "watch": 12,
}  # fmt: skip
"""Loop → its advisory lock: whoever holds it is the active one."""
_SPACE = 7302

ROUNDS = Counter("mmo_loop_rounds", "Rounds that a loop has finished.", ["loop"])
FAULTS = Counter("mmo_loop_faults", "Rounds that ended in a fault.", ["loop"])
LAST = Gauge("mmo_loop_last_round_timestamp", "When the last round finished (Unix s).", ["loop"])

Round = Callable[[], Awaitable[bool]]
"""Does what there is to do; true when there may be more at once."""


async def run_alone(
    name: str,
    settings: Settings,
    stop: asyncio.Event,
    work: Round,
    pause_s: float = IDLE_S,
    wake: asyncio.Event | None = None,
) -> None:
    """Repeat a round while this process holds the loop's lock; others wait for it.

    After a round that found nothing, the loop sleeps `pause_s`, or until `wake` is set.
    """
    wake = wake or stop
    log = structlog.get_logger().bind(loop=name)
    while not stop.is_set():
        try:
            async with await psycopg.AsyncConnection.connect(
                settings.dsn(), autocommit=True
            ) as connection:
                await _lead(name, connection, stop)
                while not stop.is_set():
                    more = await work()
                    ROUNDS.labels(name).inc()
                    LAST.labels(name).set(time.time())
                    if wake is not stop:
                        await sleep_or_stop(stop, REST_S)
                    if not more:
                        await sleep_or_stop(wake, pause_s)
                        if wake is not stop:
                            wake.clear()
                    await connection.execute("SELECT 1")  # The lock goes with its connection.
        except (psycopg.Error, RPCError, OSError, RuntimeError, TimeoutError) as error:
            FAULTS.labels(name).inc()
            log.warning("loop.fault", error=f"{type(error).__name__}: {error}".strip())
            await sleep_or_stop(stop, RETRY_S)


async def _lead(
    name: str, connection: psycopg.AsyncConnection[tuple[object, ...]], stop: asyncio.Event
) -> None:
    while not stop.is_set():
        cursor = await connection.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", [_SPACE, LOCKS[name]]
        )
        row = await cursor.fetchone()
        if row and row[0]:
            return
        await sleep_or_stop(stop, RETRY_S)


@asynccontextmanager
async def woken_by_feed(settings: Settings) -> AsyncGenerator[asyncio.Event]:
    """An event that is set whenever the bell of the feed rings, and every quarter of a second."""
    wake = asyncio.Event()

    async def listen() -> None:
        async for _ in wakes(settings.dsn()):
            wake.set()

    listening = asyncio.create_task(listen())
    try:
        yield wake
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def run_ready(
    settings: Settings,
    stop: asyncio.Event,
    *loops: Callable[[Settings, asyncio.Event], Awaitable[None]],
) -> None:
    """Run loops side by side until told to stop."""
    async with asyncio.TaskGroup() as tasks:
        for loop in loops:
            tasks.create_task(_plain(loop, settings, stop))
        notify(settings)


async def _plain(
    loop: Callable[[Settings, asyncio.Event], Awaitable[None]],
    settings: Settings,
    stop: asyncio.Event,
) -> None:
    await loop(settings, stop)
