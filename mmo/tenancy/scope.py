"""One tenant's view of the database: a transaction that sees and writes no other tenant's rows."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

SHAREABLE = ("code_lists",)
"""Resources that a group of tenants may share; never ledger, wallets or audit."""


@asynccontextmanager
async def scoped(
    pool: AsyncConnectionPool[Any], tenant: int, shared: Sequence[str] = ()
) -> AsyncGenerator[AsyncConnection[Any]]:
    """Begin a transaction of one tenant; it commits at the end, and rolls back at an error.

    BEGIN and the setting travel in one message. The setting ends with the transaction, so the
    connection goes back to the pool without any tenant. Row policies hold whoever forgets a WHERE.
    `shared`: resources of which it may read what others share with the tenant.
    """
    async with pool.connection() as connection, entered(connection, tenant):
        for resource in shared:
            await _share(connection, tenant, resource)
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


async def _share(connection: AsyncConnection[Any], tenant: int, resource: str) -> None:
    """Let the transaction read the rows of the resource's owners, as the groups say now."""
    if resource not in SHAREABLE:
        raise ValueError(f"{resource} is shared with nobody")
    cursor = await connection.execute(
        "SELECT DISTINCT owner FROM tenancy.shares() WHERE resource = %s", [resource]
    )
    owners = {int(owner) for (owner,) in await cursor.fetchall()} | {int(tenant)}
    listed = ",".join(map(str, sorted(owners)))
    await connection.execute(f"SET LOCAL app.tenants_{resource} = '{listed}'".encode())
