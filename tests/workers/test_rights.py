"""Every loop can do its work with the database user of its own role, and with no more."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from mmo.settings import Settings
from tests.measured import measured
from tests.servers.nats import NatsServer
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from workers import (
    history_export,
    projector,
    reactor,
    relay,
    sealer,
    sms_sender,
    sweeper,
    waker,
    webhook_sender,
)
from workers.wiring import development_keys

LOOPS: dict[str, tuple[str, Callable[[Settings, asyncio.Event], Awaitable[None]]]] = {
    "projector": ("mmo_projector", projector.loop),
    "relay": ("mmo_relay", relay.loop),
    "sweeper": ("mmo_sweeper", sweeper.loop),
    "history_export": ("mmo_history_export", history_export.loop),
    "rollup": ("mmo_sweeper", sweeper.rollup),
    "sealer": ("mmo_sealer", sealer.loop),
    "reactor": ("mmo_reactor", reactor.loop),
    "waker": ("mmo_reactor", waker.loop),
    "sms": ("mmo_effects", sms_sender.loop),
    "webhooks": ("mmo_effects", webhook_sender.loop),
}


@pytest.mark.parametrize("name", LOOPS)
async def test_a_loop_works_as_its_own_user(
    database: Database, temporal_server: TemporalServer, nats_server: NatsServer, name: str
) -> None:
    user, loop = LOOPS[name]
    settings = database.settings(
        user, temporal_address=temporal_server.address, **nats_server.settings
    )
    rounds = measured("mmo_loop_rounds_total", loop=name)
    faults = measured("mmo_loop_faults_total", loop=name)
    stop = asyncio.Event()
    running = asyncio.ensure_future(loop(settings, stop))
    for _ in range(400):
        if measured("mmo_loop_rounds_total", loop=name) > rounds:
            break
        await asyncio.sleep(0.02)
    stop.set()
    await running

    assert measured("mmo_loop_rounds_total", loop=name) > rounds
    assert measured("mmo_loop_faults_total", loop=name) == faults
    assert measured("mmo_loop_last_round_timestamp", loop=name) > 0


FORBIDDEN = {
    "mmo_projector": ("INSERT INTO messaging.event (id) VALUES (gen_random_uuid())",
                      "SELECT ledger.rollup()", "DELETE FROM wallets.wallet"),
    "mmo_relay": ("DELETE FROM messaging.event", "DELETE FROM projections.balance_view",
                  "SELECT movements.keep(1, gen_random_uuid())"),
    "mmo_sweeper": ("INSERT INTO wallets.wallet (tenant_id) VALUES (1)",
                    "UPDATE movements.command SET state = 'posted'"),
    "mmo_history_export": ("DELETE FROM histories.history",
                           "UPDATE histories.history SET events = 0"),
    "mmo_reactor": ("INSERT INTO messaging.event (id) VALUES (gen_random_uuid())",
                    "UPDATE bep.version SET state = 'active'", "DELETE FROM messaging.cursor"),
    "mmo_effects": ("INSERT INTO messaging.event (id) VALUES (gen_random_uuid())",
                    "UPDATE notifications.endpoint SET url = ''", "DELETE FROM tasks.task",
                    "UPDATE wallets.wallet SET owner = 'me'"),
    "mmo_sealer": ("DELETE FROM audit.seal", "UPDATE audit.seal SET n = 1",
                   "INSERT INTO audit.record (id) VALUES (gen_random_uuid())",
                   "INSERT INTO messaging.event (id) VALUES (gen_random_uuid())",
                   "SELECT ledger.rollup()"),
    "mmo_keys": ("INSERT INTO wallets.wallet (tenant_id) VALUES (1)", "DELETE FROM keys.key",
                 "INSERT INTO messaging.event (id) VALUES (gen_random_uuid())",
                 "INSERT INTO movements.command (tenant_id) VALUES (1)",
                 "SELECT ledger.open_account(1, 'CUSTOMER', 'KES')",
                 "INSERT INTO tenancy.tenant (id) VALUES (9)"),
    "mmo_authorization": ("INSERT INTO wallets.wallet (tenant_id) VALUES (1)",
                          "UPDATE wallets.wallet SET owner = 'me'",
                          "INSERT INTO movements.command (tenant_id) VALUES (1)",
                          "INSERT INTO messaging.event (id) VALUES (gen_random_uuid())",
                          "SELECT ledger.open_account(1, 'CUSTOMER', 'KES')",
                          "UPDATE keys.key SET state = 'active'",
                          "INSERT INTO audit.seal (n) VALUES (1)"),
    "mmo_front": ("SELECT ledger.open_tenant(9)", "SELECT ledger.rollup()",
                  "SELECT ledger.raise_rules(1)", "UPDATE keys.key SET state = 'active'",
                  "INSERT INTO audit.seal (n) VALUES (1)", "SELECT * FROM keys.data_key",
                  "SELECT movements.keep(1, gen_random_uuid())",
                  "UPDATE movements.command SET state = 'posted'",
                  "INSERT INTO ledger.entry (tenant_id) VALUES (1)",
                  "UPDATE ledger.account SET posted = 0", "DELETE FROM messaging.event",
                  "UPDATE projections.balance_view SET posted = 0",
                  "INSERT INTO tenancy.tenant (id) VALUES (9)"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("user", "statement"), [(user, one) for user, all_ in FORBIDDEN.items() for one in all_]
)
def test_a_user_may_do_no_more_than_its_role_needs(
    database: Database, user: str, statement: str
) -> None:
    with (
        psycopg.connect(database.dsn(user)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_production_is_served_by_no_development_key() -> None:
    with pytest.raises(ValueError, match="for MMO_ENV=dev alone"):
        development_keys(Settings(env="production"))
