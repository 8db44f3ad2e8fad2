"""SQLModel's way to the database, apart from `wiring`: only processes that serve reads load it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mmo.settings import Settings

READERS_MAX = 4
"""Connections of a process that read the read models."""


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncGenerator[AsyncEngine]:
    """SQLModel's way to the same database, for the read models."""

    async def connection() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True)

    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connection,
        isolation_level="AUTOCOMMIT",
        pool_size=READERS_MAX,
        pool_pre_ping=True,  # a connection may be older than the database that answers now
        max_overflow=0,
        pool_timeout=10.0,
    )
    try:
        yield engine
    finally:
        await engine.dispose()
