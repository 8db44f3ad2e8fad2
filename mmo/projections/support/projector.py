"""The projector: folds the feed into every read model, each event exactly once."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg_pool import AsyncConnectionPool

from mmo.messaging.event import Event
from mmo.messaging.postgres import lock_position, move_to, read_feed
from mmo.projections import balances, figures, movements, statements, timeline

CONSUMER = "projector"
MODELS = (movements, balances, statements, timeline, figures)
TABLES = (
    "movement_view", "movement_wallet", "balance_view", "statement_view", "timeline_view",
    "figure_view",
)  # fmt: skip


async def fold(connection: AsyncConnection[Any], events: Sequence[Event], schema: str) -> None:
    """Fold events into the read models of a schema, in the open transaction."""
    await connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
    for model in MODELS:
        await model.project(connection, events)


class Projector:
    """Reads the feed from where it stopped. The position moves in the transaction of the rows."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def round(self) -> bool:
        """Fold one page; true when there may be more. Safe to repeat and to run twice at once."""
        async with self._pool.connection() as connection, connection.transaction():
            after = await lock_position(connection, CONSUMER)
            events = await read_feed(connection, after)
            if not events:
                return False
            await fold(connection, events, "projections")
            await move_to(connection, CONSUMER, events[-1].xid)
        return True
