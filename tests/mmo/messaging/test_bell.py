"""The bell wakes the readers of the feed after a commit; without it they look by themselves."""

import asyncio
import time
from contextlib import aclosing, suppress

import psycopg

from mmo.messaging.bell import CHANNEL, LOOK_EVERY_S, Bell, wakes
from tests.servers.postgres import Database


async def test_who_listens_is_woken_at_once(database: Database) -> None:
    bell = Bell(database.dsn("mmo_front"))
    ringing = asyncio.create_task(bell.run())
    async with aclosing(wakes(database.dsn("mmo_projector"))) as listening:  # type: ignore[type-var]
        await anext(listening)
        quickest = 1.0
        for _ in range(5):
            await asyncio.sleep(0.05)
            bell.ring()
            begun = time.monotonic()
            await anext(listening)
            quickest = min(quickest, time.monotonic() - begun)
    ringing.cancel()
    with suppress(asyncio.CancelledError):
        await ringing

    assert quickest < LOOK_EVERY_S / 2


async def test_without_a_bell_a_reader_looks_by_itself(database: Database) -> None:
    async with aclosing(wakes(database.dsn("mmo_projector"))) as listening:  # type: ignore[type-var]
        await anext(listening)
        begun = time.monotonic()
        await anext(listening)

    assert LOOK_EVERY_S * 0.8 < time.monotonic() - begun < LOOK_EVERY_S * 8


async def test_many_rings_are_few_messages(database: Database) -> None:
    bell = Bell(database.dsn("mmo_front"))
    ringing = asyncio.create_task(bell.run())
    heard = 0
    async with await psycopg.AsyncConnection.connect(
        database.dsn("mmo_projector"), autocommit=True
    ) as connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        for _ in range(1000):
            bell.ring()
            await asyncio.sleep(0)
        async for _ in connection.notifies(timeout=0.5):
            heard += 1
    ringing.cancel()
    with suppress(asyncio.CancelledError):
        await ringing

    assert 1 <= heard <= 200


async def test_a_bell_rings_again_after_its_connection_was_cut(database: Database) -> None:
    bell = Bell(database.dsn("mmo_front"))
    ringing = asyncio.create_task(bell.run())
    async with await psycopg.AsyncConnection.connect(database.admin, autocommit=True) as connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        bell.ring()
        assert await _heard(connection)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mmo_front'"
            " AND datname = current_database()"
        )
        for _ in range(20):
            bell.ring()
            if await _heard(connection):
                break
        else:
            raise AssertionError("the bell is silent")
    ringing.cancel()
    with suppress(asyncio.CancelledError):
        await ringing


async def _heard(connection: psycopg.AsyncConnection) -> bool:
    return [_ async for _ in connection.notifies(timeout=0.5, stop_after=1)] != []
