"""The feed: every event once, in the order of its transactions, and none behind a reader."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from mmo.messaging.event import Event
from mmo.messaging.postgres import (
    append,
    head,
    history_of,
    lock_position,
    move_to,
    position_of,
    read_feed,
)
from tests.mmo.moving import passed
from tests.servers.postgres import Database

Pool = AsyncConnectionPool[Any]


@pytest.fixture
async def pool(database: Database) -> AsyncGenerator[Pool]:
    dsn = database.dsn("mmo_background")
    async with AsyncConnectionPool(dsn, min_size=2, max_size=12, open=False) as opened:
        yield opened


def event(aggregate: UUID | None = None, version: int = 1) -> Event:
    return Event(
        tenant_id=1,
        id=uuid4(),
        aggregate="wallet",
        aggregate_id=aggregate or uuid4(),
        version=version,
        type="mmo.wallet.frozen.v1",
        actor="tests",
        occurred_at=datetime.now(UTC),
        data={},
    )


async def write(pool: Pool, *events: Event) -> int:
    async with pool.connection() as connection:
        return await append(connection, events)


async def read(pool: Pool, after: int = 0, **how: Any) -> list[Event]:
    async with pool.connection() as connection:
        return await read_feed(connection, after, **how)


def ids(events: list[Event]) -> list[UUID]:
    return [one.id for one in events]


async def test_an_event_that_is_committed_late_does_not_appear_behind_the_reader(
    pool: Pool,
) -> None:
    early, late = event(), event()
    async with pool.connection() as slow:
        await append(slow, [early])
        await write(pool, late)

        seen = await read(pool)
        naive = await newest_by_number(pool)

        assert seen == [], "what is committed waits for what began before it"
        await slow.commit()

    await passed(pool)
    assert ids(await read(pool)) == [early.id, late.id]
    assert naive == late.id
    assert await after_number(pool, naive) == [], "a cursor by number would have lost it"


async def newest_by_number(pool: Pool) -> UUID:
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT id FROM messaging.event ORDER BY seq DESC")
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def after_number(pool: Pool, identifier: UUID) -> list[UUID]:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            """SELECT id FROM messaging.event
                WHERE seq > (SELECT seq FROM messaging.event WHERE id = %s)""",
            [identifier],
        )
        return [row[0] for row in await cursor.fetchall()]


async def test_an_event_that_is_rolled_back_holds_nobody_up(pool: Pool) -> None:
    kept = event()
    async with pool.connection() as slow:
        await append(slow, [event()])
        await write(pool, kept)
        await slow.rollback()

    await passed(pool)
    assert ids(await read(pool)) == [kept.id]


@pytest.mark.parametrize("page", [1, 2, 3, 4, 5, 100])
async def test_pages_are_whole_transactions_however_long(pool: Pool, page: int) -> None:
    written = [[event() for _ in range(n)] for n in (1, 4, 2, 1, 3)]
    for one in written:
        await write(pool, *one)
    await passed(pool)

    pages: list[list[Event]] = []
    position = 0
    while found := await read(pool, position, page=page):
        pages.append(found)
        position = found[-1].xid

    assert [one.id for found in pages for one in found] == [e.id for one in written for e in one]
    for found, following in itertools.pairwise(pages):
        assert {e.xid for e in found}.isdisjoint({e.xid for e in following})


async def test_a_reader_may_stop_at_a_position(pool: Pool) -> None:
    first, second = event(), event()
    position = await write(pool, first)
    await write(pool, second)
    await passed(pool)

    assert ids(await read(pool, until=position)) == [first.id]
    assert ids(await read(pool, position)) == [second.id]


async def test_the_head_is_what_a_reader_may_see(pool: Pool) -> None:
    async def now() -> int:
        async with pool.connection() as connection:
            return await head(connection)

    assert await now() == 0
    first = await write(pool, event())
    await passed(pool)
    async with pool.connection() as slow:
        await append(slow, [event()])
        await write(pool, event())
        assert await now() == first


async def test_many_writers_at_once_lose_and_double_nothing(pool: Pool) -> None:
    done, luck = asyncio.Event(), random.Random(7)
    written: list[UUID] = []
    seen: list[Event] = []

    async def writes() -> None:
        for _ in range(25):
            async with pool.connection() as connection:
                events = [event() for _ in range(luck.randint(1, 4))]
                await append(connection, events)
                await asyncio.sleep(luck.choice((0, 0, 0.002, 0.02)))
                if luck.random() < 0.1:
                    await connection.rollback()
                    continue
                await connection.commit()
            written.extend(one.id for one in events)

    async def reads() -> None:
        position = 0
        while True:
            ended = done.is_set()
            found = await read(pool, position, page=7)
            seen.extend(found)
            position = found[-1].xid if found else position
            if ended and not found:
                return
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(reads())
        await asyncio.gather(*(writes() for _ in range(8)))
        await passed(pool)
        done.set()
        await reading

    assert Counter(one.id for one in seen) == Counter(written)
    places = [(one.xid, one.seq) for one in seen]
    assert places == sorted(places)


async def test_two_changes_of_one_aggregate_do_not_both_come_first(pool: Pool) -> None:
    wallet = uuid4()
    await write(pool, event(wallet, 1))

    with pytest.raises(psycopg.errors.UniqueViolation):
        await write(pool, event(wallet, 1))

    await write(pool, event(wallet, 2))
    async with pool.connection() as connection:
        history = await history_of(connection, 1, "wallet", wallet)
    assert [one.version for one in history] == [1, 2]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE messaging.event SET actor = 'somebody else'",
        "DELETE FROM messaging.event",
        "TRUNCATE messaging.event",
    ],
)
async def test_what_happened_is_never_changed_not_even_by_an_administrator(
    pool: Pool, database: Database, statement: str
) -> None:
    await write(pool, event())
    with (
        psycopg.connect(database.admin) as connection,
        pytest.raises(psycopg.DatabaseError, match="append-only"),
    ):
        connection.execute(statement.encode())


async def test_a_position_never_goes_back(pool: Pool) -> None:
    async with pool.connection() as connection:
        assert await position_of(connection, "reader") == 0
        await move_to(connection, "reader", 20)
        await move_to(connection, "reader", 10)

        assert await position_of(connection, "reader") == 20


async def test_two_readers_of_one_name_take_turns(pool: Pool) -> None:
    async with pool.connection() as first, pool.connection() as second:
        await lock_position(first, "reader")
        waiting = asyncio.create_task(lock_position(second, "reader"))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await move_to(first, "reader", 5)
        await first.commit()

        assert await waiting == 5
