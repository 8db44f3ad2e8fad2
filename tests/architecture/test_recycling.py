"""A database that tests use again is as empty as a new one, or it is not used again."""

import psycopg
import pytest

from tests.servers.postgres import Database, PostgresServer


@pytest.fixture
def used(postgres_server: PostgresServer) -> Database:
    return postgres_server.create()


def again(server: PostgresServer, database: Database) -> Database:
    server.drop(database)
    return server.create()


def run(database: Database, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.admin) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_nothing_is_left_of_what_was_written(
    postgres_server: PostgresServer, used: Database
) -> None:
    run(used, "INSERT INTO messaging.cursor (consumer, xid) VALUES ('left over', 7)")
    run(used, "SELECT nextval('ledger.account_number')")
    run(used, "DELETE FROM alembic_version")

    fresh = again(postgres_server, used)

    assert fresh == used
    assert run(fresh, "SELECT FROM messaging.cursor") == []
    assert run(fresh, "SELECT nextval('ledger.account_number')") == [(1,)]
    assert len(run(fresh, "SELECT version_num FROM alembic_version")) == 1
    postgres_server.drop(fresh)


@pytest.mark.parametrize(
    "changed",
    [
        "CREATE TABLE public.left_over ()",
        "ALTER TABLE tenancy.tenant ADD COLUMN left_over int",
        "DROP SCHEMA messaging CASCADE",
        "GRANT SELECT ON tenancy.tenant TO mmo_as_sweeper",
        "CREATE RULE left_over AS ON DELETE TO tenancy.tenant DO INSTEAD NOTHING",
        "ALTER TABLE tenancy.tenant DISABLE ROW LEVEL SECURITY",
    ],
)
def test_one_whose_schema_was_changed_is_made_anew(
    postgres_server: PostgresServer, used: Database, changed: str
) -> None:
    run(used, changed)

    fresh = again(postgres_server, used)

    assert fresh != used
    postgres_server.drop(fresh)


def test_one_that_somebody_is_still_connected_to_is_made_anew(
    postgres_server: PostgresServer, used: Database
) -> None:
    with psycopg.connect(used.admin):
        fresh = again(postgres_server, used)

    assert fresh != used
    postgres_server.drop(fresh)
