"""The statements of a movement's path are planned once for a connection, and not at each call."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.mmo.moving import operator, sends
from tests.servers.postgres import Database, PostgresServer, postgres_with
from tests.workflows.house import House

WARM, CALLS = 12, 30


@pytest.fixture(scope="module")
def planning_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server that counts plans."""
    with postgres_with(
        tmp_path_factory.mktemp("planning"),
        shared_preload_libraries="pg_stat_statements",
        **{"pg_stat_statements.track_planning": "on", "pg_stat_statements.track": "all"},
    ) as server:
        yield server


@pytest.fixture
async def counted(
    planning_server: PostgresServer, tmp_path: Path
) -> AsyncGenerator[tuple[House, Database]]:
    database = planning_server.create()
    with psycopg.connect(database.admin, autocommit=True) as books:
        books.execute("CREATE EXTENSION pg_stat_statements")
    async with operator(database, tmp_path / "keys") as started:
        yield started, database


def plans(database: Database) -> int:
    with psycopg.connect(database.admin) as books:
        row = books.execute(
            """SELECT coalesce(sum(s.plans), 0)::int FROM pg_stat_statements s
                 JOIN pg_database d ON d.oid = s.dbid
                WHERE d.datname = current_database() AND s.query NOT ILIKE '%pg_stat%'
                  AND s.userid = 'mmo_owner'::regrole"""
        ).fetchone()
    assert row is not None
    return row[0]


async def test_transfers_after_the_first_ones_cause_no_further_plans(
    counted: tuple[House, Database],
) -> None:
    opened, database = counted
    for _ in range(WARM):
        await sends(opened, "0.01")
    before = plans(database)

    for _ in range(CALLS):
        await sends(opened, "0.01")

    assert plans(database) - before <= CALLS // 10
