"""Fixtures of the tests of documents."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.mmo.moving import operator
from tests.servers.postgres import Database
from tests.workflows.house import House


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    """A small operator whose money moves in this process."""
    async with operator(database, tmp_path) as started:
        yield started
