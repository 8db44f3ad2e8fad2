"""Positions: how a reader waits for its own writes, and how far the readers of the feed lag."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from psycopg_pool import AsyncConnectionPool

from mmo.messaging.postgres import position_of
from mmo.projections.support.projector import CONSUMER

PATIENCE_S = 2.0
LOOK_EVERY_S = 0.02
COUNTED_MAX = 100_000
"""A lag is counted up to here: more events behind is simply far behind."""


async def reached(pool: AsyncConnectionPool[Any], position: int) -> int:
    """Wait until the read models have come to a position, at most two seconds.

    Answers with the position they have; it is smaller where they have not come that far.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        async with pool.connection() as connection:
            now = await position_of(connection, CONSUMER)
        if now >= position or time.monotonic() >= deadline:
            return now
        await asyncio.sleep(LOOK_EVERY_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a reader of the feed is behind: events, and the age (s) of the oldest of them."""

    consumer: str
    events: int
    age_s: float


async def lags(pool: AsyncConnectionPool[Any]) -> list[Lag]:
    """The lag of every reader of the feed."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT consumer, events, age_s FROM messaging.lags(%s)", [COUNTED_MAX]
        )
        rows = await cursor.fetchall()
    return [Lag(consumer=name, events=events, age_s=max(age, 0.0)) for name, events, age in rows]
