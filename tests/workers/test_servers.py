"""The servers of a test run are real, fresh, and reached as the product reaches them."""

import psycopg
import pytest
from temporalio.client import Client

from tests.servers.nats import NatsServer
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer


def test_a_fresh_database_is_migrated_and_nobody_elses(database: Database, new_database) -> None:
    other = new_database()
    insert = (
        "INSERT INTO tenancy.tenant (id, slug, name, timezone, currencies, country) "
        "VALUES (7, 'seven', 'Seven', 'UTC', '{KES}', 'KE')"
    )
    with psycopg.connect(database.admin) as connection:
        connection.execute(insert)
    with psycopg.connect(other.admin) as connection:
        count = connection.execute("SELECT count(*) FROM tenancy.tenant WHERE id = 7").fetchone()
    assert count == (0,)


def test_a_role_has_its_groups_rights_and_no_more(database: Database) -> None:
    with psycopg.connect(database.dsn("mmo_relay")) as connection:
        connection.execute("SELECT count(*) FROM messaging.event")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM messaging.event")


def test_a_wrong_password_is_refused(database: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(database.admin.replace("password=test", "password=guess"))


async def test_temporal_answers(temporal_server: TemporalServer) -> None:
    client = await Client.connect(temporal_server.address)
    assert await client.service_client.check_health()


async def test_the_broker_keeps_streams_on_disk(nats_server: NatsServer) -> None:
    connection = await nats_server.administrator()
    stream = await connection.jetstream().add_stream(name="kept", subjects=["kept.>"])
    await connection.close()
    assert stream.config.storage == "file"
