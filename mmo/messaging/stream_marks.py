"""Where the broker's stream stood when it was last found whole, in Postgres."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.messaging.ports import StreamMark


async def stored_mark(connection: AsyncConnection[Any], stream: str) -> StreamMark | None:
    """The mark of a stream that held every event before the relay's position."""
    cursor = connection.cursor(row_factory=class_row(StreamMark))
    await cursor.execute(
        "SELECT created, last, missing FROM messaging.stream_mark WHERE stream = %s", [stream]
    )
    return await cursor.fetchone()


async def store_mark(connection: AsyncConnection[Any], stream: str, mark: StreamMark) -> None:
    """Remember it, in the open transaction."""
    await connection.execute(
        """INSERT INTO messaging.stream_mark (stream, created, last, missing)
           VALUES (%s, %s, %s, %s)
           ON CONFLICT (stream) DO UPDATE SET created = excluded.created, last = excluded.last,
                                              missing = excluded.missing, marked_at = now()""",
        [stream, mark.created, mark.last, mark.missing],
    )
