"""What other processes tell by NOTIFY, for as long as this one lives."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import structlog
from psycopg.sql import SQL, Identifier

RECONNECT_S = 1.0

_log = structlog.get_logger()


async def notified(dsn: str, channel: str) -> AsyncIterator[str | None]:
    """Yield what is told on a channel, for ever; None where something may have been missed.

    That is at the beginning, and after each lost connection.
    """
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
                yield None
                async for told in connection.notifies():
                    yield told.payload
        except (psycopg.OperationalError, OSError) as error:
            _log.warning("notifications.database_away", channel=channel, error=str(error).strip())
        await asyncio.sleep(RECONNECT_S)
