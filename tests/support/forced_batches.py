"""Facts and postings whose batches are made to gather: what is asked at once is served together."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from psycopg_pool import AsyncConnectionPool

from activities.movements import MovementActivities
from mmo.ledger.batcher import Limits
from mmo.movements.support.ports import NoAnswers, NobodyWaits
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter

Result = TypeVar("Result")
ONE_LANE = Limits(lanes=1, batch=200, waiting=4096, deadline=30.0)


class ForcedFacts(PostgresFacts):
    """Serves nothing while its gate is shut; `sizes` are those of the batches that it served."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        super().__init__(pool, ONE_LANE)
        self.gate = asyncio.Event()
        self.gate.set()
        self.sizes: list[int] = []

    async def _serve(self, asked: Sequence[Any], repeat: bool) -> Sequence[Any]:
        await self.gate.wait()
        self.sizes.append(len(asked))
        return await super()._serve(asked, repeat)


class ForcedBatches:
    """Activities over such facts, and one lane of postings."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self.facts = ForcedFacts(pool)
        self._writer = PostgresWriter(pool, limits=ONE_LANE)
        self.activities = MovementActivities(self.facts, self._writer, NoAnswers(), NobodyWaits())

    async def together(self, asked: Sequence[Awaitable[Result]]) -> list[Result]:
        """Serve what is asked in one batch of facts, after a first one that opens the lane."""
        self.facts.gate.clear()
        self.facts.sizes.clear()
        waiting = [asyncio.ensure_future(one) for one in asked]
        for _ in range(20):
            await asyncio.sleep(0)
        self.facts.gate.set()
        return list(await asyncio.gather(*waiting))

    async def close(self) -> None:
        await self.facts.close()
        await self._writer.close()
