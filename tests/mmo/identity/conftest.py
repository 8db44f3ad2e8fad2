"""A tenant with its identity, in a fresh database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mmo.identity.registry import Registry, registry_of, server_of
from tests.servers.postgres import Database


@pytest.fixture
async def registry(database: Database, tmp_path: Path) -> AsyncIterator[Registry]:
    async with registry_of(database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def server(registry: Registry) -> AsyncIterator[Registry]:
    async with server_of(registry) as opened:
        yield opened
