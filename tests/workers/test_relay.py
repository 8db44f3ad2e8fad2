"""The relay: every event is in the stream once, whatever happens to relay and broker."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from mmo.messaging.cloud_event import CloudEvent
from mmo.messaging.event import Event
from mmo.messaging.nats import NatsBroker
from mmo.messaging.postgres import position_of
from mmo.movements.support.published import MovementEvent
from tests.mmo.moving import asking, operator, passed, rows, sends
from tests.servers.nats import NatsServer, embedded_nats, stored
from tests.servers.postgres import Database
from tests.servers.shared import start_server
from tests.workflows.house import CLERK, TENANT, House
from workers import relay
from workers.relay import Relay
from workers.stack.processes import born, end

ASYNCAPI = yaml.safe_load((Path(__file__).parents[2] / "docs" / "asyncapi.yaml").read_text())


class OwnNats:
    """A broker of this test alone, which may be stopped and started again on the same files."""

    def __init__(self, home: Path) -> None:
        self._server = embedded_nats(home)
        self._log = home / "nats.log"
        self.server = NatsServer(self._server.url, home / "secrets")
        self.start()

    def start(self) -> None:
        self._pid = start_server(self._server.prepare(), self._log, self._server.ready).pid

    def kill(self) -> None:
        birth = born(self._pid)
        if birth is not None:
            end(self._pid, birth, by=signal.SIGKILL)


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[OwnNats]:
    server = OwnNats(tmp_path)
    yield server
    server.kill()


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with operator(database, tmp_path / "keys") as started:
        yield started


@asynccontextmanager
async def broker(own_nats: OwnNats) -> AsyncGenerator[NatsBroker]:
    made = NatsBroker(own_nats.server.login())
    yield made
    await made.close()


async def all_of(own_nats: OwnNats) -> list[tuple[str, dict[str, Any]]]:
    """Everything in the stream: subjects and messages."""
    client = await own_nats.server.administrator()
    found = await stored(client.jetstream(), "mmo.>")
    await client.close()
    return found


async def event_ids(opened: House) -> list[str]:
    found = await rows(opened.pool, "SELECT id::text FROM messaging.event ORDER BY xid, seq")
    return [row[0] for row in found]


def ids(messages: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [message["id"] for _, message in messages]


async def test_the_stream_holds_every_event_once_and_as_published(
    opened: House, own_nats: OwnNats
) -> None:
    await sends(opened, "5")
    await sends(opened, "100000")
    held = await asking(opened, "p2p-transfer", "7", sender="alice", recipient="bob")
    await opened.activities.reserve(held)
    await opened.activities.release(await opened.decline(held))
    await opened.changes.freeze(TENANT.id, opened.identifier("bob"), CLERK)
    await passed(opened.pool)
    async with broker(own_nats) as connected:
        relaying = Relay(opened.pool, connected)
        while await relaying.round():
            pass

    found = await all_of(own_nats)

    assert sorted(ids(found)) == sorted(await event_ids(opened))
    by_name = {told["name"]: key for key, told in ASYNCAPI["components"]["messages"].items()}
    for subject, message in found:
        key = by_name[message["type"]]
        assert subject == ASYNCAPI["channels"][key]["address"].replace("{tenant}", TENANT.slug)
        reference = ASYNCAPI["components"]["messages"][key]["payload"]["$ref"]
        schema = {"$ref": reference, "components": ASYNCAPI["components"]}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(message)
        if ".movements." in subject:
            read = CloudEvent[MovementEvent].model_validate(message)
            assert read.subject == read.data.movement
            assert sum(leg.amount for leg in read.data.legs) == 0
    assert {message["type"] for _, message in found} >= {
        "mmo.wallet.money-sent.v1",
        "mmo.movement.refused.v1",
        "mmo.movement.held.v1",
        "mmo.movement.released.v1",
        "mmo.wallet.frozen.v1",
    }


async def test_money_goes_on_moving_while_the_broker_is_away_and_nothing_is_missing_after(
    opened: House, own_nats: OwnNats, database: Database
) -> None:
    stop = asyncio.Event()
    settings = database.settings("mmo_relay", **own_nats.server.settings)
    relaying = asyncio.create_task(relay.loop(settings, stop))
    await _read_all(opened)
    own_nats.kill()

    outcomes = [await sends(opened, "1") for _ in range(30)]
    assert {outcome.outcome for outcome in outcomes} == {"posted"}
    await asyncio.sleep(0.5)
    own_nats.start()
    await sends(opened, "2")
    await _read_all(opened)
    stop.set()
    await relaying

    assert sorted(ids(await all_of(own_nats))) == sorted(await event_ids(opened))


async def _read_all(opened: House) -> None:
    """Wait until the relay stands at the feed's end."""
    for _ in range(400):
        async with opened.pool.connection() as connection:
            position = await position_of(connection, relay.CONSUMER)
        ((newest,),) = await rows(opened.pool, "SELECT max(xid) FROM messaging.event")
        if position >= newest:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the relay does not arrive")


async def test_a_relay_that_is_told_to_stop_while_the_broker_is_away_stops(
    opened: House, own_nats: OwnNats, database: Database
) -> None:
    own_nats.kill()
    stop = asyncio.Event()
    settings = database.settings("mmo_relay", **own_nats.server.settings)
    relaying = asyncio.create_task(relay.loop(settings, stop))
    await asyncio.sleep(0.5)

    stop.set()

    async with asyncio.timeout(8):
        await relaying


class Killed(BaseException):
    """The process is gone."""


class DiesAfterwards(NatsBroker):
    """Publishes a page, and the process dies before the relay remembers that it did."""

    async def publish(self, events: Sequence[tuple[str, Event]], anew: str = "") -> None:
        await super().publish(events, anew)
        raise Killed


async def test_a_relay_killed_after_publishing_leaves_no_message_twice(
    opened: House, own_nats: OwnNats
) -> None:
    await sends(opened, "1")
    await passed(opened.pool)
    dying = DiesAfterwards(own_nats.server.login())
    for _ in range(2):
        with suppress(Killed):
            await Relay(opened.pool, dying).round()
    await dying.close()
    assert sorted(ids(await all_of(own_nats))) == sorted(await event_ids(opened))
    await sends(opened, "2")
    await passed(opened.pool)

    async with broker(own_nats) as connected:
        while await Relay(opened.pool, connected).round():
            pass

    assert sorted(ids(await all_of(own_nats))) == sorted(await event_ids(opened))
