"""The same view for SQLModel: a session that is a transaction of one tenant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.tenancy.scope import entered


@asynccontextmanager
async def scoped_session(engine: AsyncEngine, tenant: int) -> AsyncGenerator[AsyncSession]:
    """Read as one tenant, on an engine whose connections are in autocommit."""
    async with AsyncSession(engine) as session:
        connection = await (await session.connection()).get_raw_connection()
        assert connection.driver_connection is not None
        async with entered(connection.driver_connection, tenant):
            yield session
