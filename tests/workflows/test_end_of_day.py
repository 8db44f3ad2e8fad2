"""The end of day on a real Temporal: by hand, by the clock, and through a death of its worker."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.days import ClosingDay, DayActivities
from mmo.books import postgres
from mmo.ledger.postgres import PostgresPostings
from mmo.tenancy.scope import scoped
from tests.mmo.books.closing import broken, cut_off
from tests.mmo.moving import asking, moves
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House, house
from workers.days import Days, look, start, workflow_id
from workers.sandbox import RUNNER
from workflows.processes.end_of_day import EndOfDay
from workflows.support import queues


class DiesOnce(Days):
    """Whoever derives dies after the books have taken it; later it goes well."""

    died = False

    async def derive(self, day: ClosingDay) -> int:
        journals = await super().derive(day)
        if not self.died:
            self.died = True
            raise RuntimeError("the machine is gone")
        return journals


@pytest.fixture
async def opened(
    database: Database, environment: WorkflowEnvironment, tmp_path: Path
) -> AsyncGenerator[House]:
    settings = database.settings("mmo_background", database_pool_max=8)
    async with house(settings, environment.client, tmp_path / "keys") as started:
        issue = await asking(started, "emoney-issuance", "100", recipient="super",
                             bank_reference="BANK 1")  # fmt: skip
        await started.activities.execute(issue)
        await started.prove(issue, "release", "release")
        await started.activities.execute(issue.then(2))
        await moves(started, "pool-funding", "10", pool="commission", bank_reference="BANK 2")
        yield started


def worker(client: Client, steps: Days) -> Worker:
    does = DayActivities(steps)
    doors = [does.settle, does.derive, does.balance, does.report, does.close]
    return Worker(client, task_queue=queues.BULK, workflows=[EndOfDay], activities=doors,
                  workflow_runner=RUNNER)  # fmt: skip


async def test_a_day_is_closed_once_though_its_worker_dies_on_the_way(
    opened: House, environment: WorkflowEnvironment, database: Database
) -> None:
    client = environment.client
    day = await cut_off(opened)
    assert day is not None
    async with PostgresPostings(opened.pool) as postings:
        steps = DiesOnce(opened.pool, postings)
        async with worker(client, steps):
            for _ in range(2):
                await start(client, TENANT, day)
            handle = client.get_workflow_handle(workflow_id(TENANT.slug, day))
            digest = await handle.result()

    async with scoped(opened.pool, TENANT.id) as connection:
        found = await postgres.find(connection, TENANT.id, day)
    assert found is not None
    assert (found.state, found.hash) == ("closed", bytes.fromhex(digest))
    assert steps.died
    assert broken(database) == []


async def test_the_clock_closes_a_day_that_is_over_and_lets_one_that_is_not(
    opened: House, environment: WorkflowEnvironment, database: Database
) -> None:
    client = environment.client

    class Tenants:
        async def all(self) -> list[Any]:
            return [TENANT]

    async def clients(_: object) -> Client:
        return client

    async def looked() -> Any:
        await look(opened.pool, cast("Any", Tenants()), cast("Any", clients))
        async with scoped(opened.pool, TENANT.id) as connection:
            return await postgres.closing(connection, TENANT.id)

    by_the_calendar = await looked()
    with psycopg.connect(database.admin) as books:  # as if it had been opened days ago
        row = books.execute(
            """UPDATE ledger.tenant SET business_date = current_date - 3 WHERE tenant_id = %s
               RETURNING business_date""",
            [TENANT.id],
        ).fetchone()
    assert row is not None
    (today,) = row

    assert by_the_calendar is None
    assert await looked() == today
    async with (
        PostgresPostings(opened.pool) as postings,
        worker(client, Days(opened.pool, postings)),
    ):
        handle = client.get_workflow_handle(workflow_id(TENANT.slug, today))
        await asyncio.wait_for(handle.result(), 30)
    assert await looked() is None
