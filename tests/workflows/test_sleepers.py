"""Many movements that wait at once, and a worker that remembers nothing between its tasks."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from tests.workflows.house import House, give_everybody_money, house
from tests.workflows.test_waiting import MONTH
from workers.namespaces import open_namespace

SLEEPERS = 100


@pytest.fixture
async def skipping(
    environment: WorkflowEnvironment, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    settings = database.settings("mmo_background")
    async with (
        house(settings, environment.client, tmp_path / "keys") as opened,
        opened.worker(),
    ):
        await give_everybody_money(opened)
        yield opened


async def test_a_hundred_issuances_that_nobody_releases_all_go_back(
    skipping: House, environment: WorkflowEnvironment
) -> None:
    before = await skipping.holds("super")
    rows = [
        await skipping.begin("emoney-issuance", recipient="super", bank_reference=f"B {number}")
        for number in range(SLEEPERS)
    ]
    for row in rows:
        await skipping.outcome(row, "pending_approval")

    await environment.sleep(MONTH)
    outcomes = [await skipping.outcome(row, "refused") for row in rows]

    assert {outcome["code"] for outcome in outcomes} == {"expired"}
    assert await skipping.holds("super") == before
    async with skipping.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT coalesce(sum(posted), 0) FROM ledger.account WHERE code = 'ISSUANCE_PENDING'"
        )
        assert await cursor.fetchone() == (0,)


async def test_a_worker_without_memory_replays_each_step_and_does_the_same(
    temporal_server: TemporalServer, database: Database, tmp_path: Path
) -> None:
    namespace = f"mmo-{database.name.replace('_', '-')}"
    client = await Client.connect(
        temporal_server.address, namespace=namespace, data_converter=pydantic_data_converter
    )
    await open_namespace(client.service_client, namespace, timedelta(days=1))
    settings = database.settings("mmo_background")
    async with (
        house(settings, client, tmp_path / "keys") as opened,
        opened.worker(max_cached_workflows=0),
    ):
        await give_everybody_money(opened)
        row = await opened.begin("emoney-redemption", "70.00", holder="super")
        await opened.outcome(row, "pending_partner")
        await opened.answer(row, "bank-answer", "not_paid")
        async with asyncio.timeout(60):
            await opened.handle(row).result()
        outcome = await opened.outcome(row)

    assert (outcome["state"], outcome["code"]) == ("refused", "returned_by_bank")
