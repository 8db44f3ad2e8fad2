"""Many movements that wait at once, and a worker that remembers nothing between its tasks."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from mmo.movements.support.commands import CommandRow
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from tests.workflows.house import House, give_everybody_money, house
from tests.workflows.ruled import over, put_rule
from tests.workflows.skipping import skip
from tests.workflows.test_waiting import MONTH
from workers.namespaces import open_namespace

SLEEPERS = 100


@pytest.fixture
async def skipping(
    environment: WorkflowEnvironment, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    settings = database.settings("mmo_background")
    async with (
        house(settings, environment.client, tmp_path / "keys", environment) as opened,
        opened.worker(),
    ):
        await give_everybody_money(opened)
        yield opened


async def test_a_hundred_issuances_that_nobody_releases_all_go_back(skipping: House) -> None:
    before = await skipping.holds("super")
    rows = [
        await skipping.begin("emoney-issuance", recipient="super", bank_reference=f"B {number}")
        for number in range(SLEEPERS)
    ]
    for row in rows:
        await skipping.outcome(row, "pending_approval")

    await skip(skipping.client, MONTH)
    outcomes = [await skipping.outcome(row, "refused") for row in rows]

    assert {outcome["code"] for outcome in outcomes} == {"expired"}
    assert await skipping.holds("super") == before
    async with skipping.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT coalesce(sum(posted), 0) FROM ledger.account WHERE code = 'ISSUANCE_PENDING'"
        )
        assert await cursor.fetchone() == (0,)


async def tasks_of(house: House, rows: list[CommandRow]) -> int:
    """The workflow tasks that these movements have had."""
    count = 0
    for row in rows:
        async for event in house.handle(row).fetch_history_events():
            count += event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
    return count


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that this process makes meanwhile: its worker's are among them."""
    made: list[str] = []
    plain = psycopg.AsyncCursor.execute

    async def execute(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        made.append(str(query))
        return await plain(self, query, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.AsyncCursor, "execute", execute)
        yield made


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "sleepers", [SLEEPERS, pytest.param(10 * SLEEPERS, marks=pytest.mark.long)]
)
async def test_transfers_that_wait_for_approval_cost_nothing_until_they_wake(
    skipping: House, monkeypatch: pytest.MonkeyPatch, sleepers: int
) -> None:
    month = over(1, "manager") | {"expiresSeconds": 30 * 24 * 3600}
    await put_rule(skipping.pool, "data-driven-authorisation", "wallet.transfer", month)
    before = await skipping.holds("alice")
    rows = [
        await skipping.begin("p2p-transfer", "0.50", sender="alice", recipient="bob")
        for _ in range(sleepers)
    ]
    for row in rows:
        await skipping.outcome(row, "pending_approval")
    while await open_approvals(skipping) < sleepers:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)  # the last one's timer is being set

    parked = await tasks_of(skipping, rows)
    with statements(monkeypatch) as made:
        await skip(skipping.client, timedelta(days=29))
    slept = await tasks_of(skipping, rows)
    with statements(monkeypatch) as woken:
        await skip(skipping.client, timedelta(days=2))
        outcomes = [await skipping.outcome(row, "refused") for row in rows]

    assert (made, slept) == ([], parked)
    assert woken, "statements are seen"
    assert {outcome["code"] for outcome in outcomes} == {"expired"}
    assert await skipping.holds("alice") == before
    async with skipping.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM ledger.hold WHERE state = 0")
        assert await cursor.fetchone() == (0,)


async def open_approvals(house: House) -> int:
    async with house.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM approvals.approval WHERE state = 'open'"
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


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
