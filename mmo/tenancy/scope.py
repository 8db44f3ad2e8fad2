"""One tenant's view of the database: a transaction that sees and writes no other tenant's rows."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool


@asynccontextmanager
async def scoped(
    pool: AsyncConnectionPool[Any], tenant: int
) -> AsyncGenerator[AsyncConnection[Any]]:
    """Begin a transaction of one tenant; it commits at the end, and rolls back at an error.

    BEGIN and the setting travel in one message. The setting ends with the transaction, so the
    connection goes back to the pool without any tenant. Row policies hold whoever forgets a WHERE.
    """
    async with pool.connection() as connection, entered(connection, tenant):
        yield connection


@asynccontextmanager
async def entered(connection: AsyncConnection[Any], tenant: int) -> AsyncGenerator[None]:
    """The same on a connection that is at hand, in autocommit and in no transaction."""
    await connection.execute(f"BEGIN; SET LOCAL app.tenant = '{int(tenant)}'".encode())
    try:
        yield
    except BaseException:
        if not connection.closed:
            await connection.rollback()
        raise
    await connection.commit()
