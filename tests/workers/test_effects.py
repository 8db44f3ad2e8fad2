"""Effects: a durable subscriber takes each reaction once, however often it comes or fails."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import nats
import psycopg
import pytest
import structlog.testing
from nats.js import JetStreamContext

from mmo.bep.processors import notification, sms, webhook
from mmo.keys.envelope import Envelope
from mmo.messaging.broker import RELAY, STREAM, login_of
from mmo.messaging.postgres import head, move_to
from mmo.notifications import intake
from mmo.notifications.intake import KINDS, consumer_of
from mmo.notifications.messages import PURPOSE, text_context
from mmo.settings import Settings
from tests.measured import measured
from tests.mmo.moving import NO_TEMPORAL, passed, rows
from tests.servers.nats import NatsServer, nats_of
from tests.servers.postgres import Database
from tests.workers.reaction_request import publish, reaction_request, sms_data, store
from tests.workflows.house import TENANT, House, house
from workers import effects
from workers.effects_intake import Intake


@pytest.fixture(scope="module")
def own_nats(tmp_path_factory: pytest.TempPathFactory):
    with nats_of(tmp_path_factory.mktemp("own_nats")) as server:
        yield server


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with house(
        database.settings("mmo_background"), NO_TEMPORAL, tmp_path / "keys"
    ) as started:
        yield started


@pytest.fixture
def settings(database: Database, own_nats: NatsServer, opened: House, tmp_path: Path) -> Settings:
    """Of the role, with the keys of the house."""
    return database.settings("mmo_effects", env="dev", home=tmp_path, **own_nats.settings)


@asynccontextmanager
async def taking(settings: Settings, processes: int = 1) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(processes):
            tasks.create_task(effects.intake(settings, stop))
        try:
            yield
        finally:
            stop.set()


async def ask(
    settings: Settings, opened: House, kind: str, data: dict[str, Any] | None = None
) -> UUID:
    """Ask for a reaction: in the feed, and by a message of the broker that points there."""
    wanted = reaction_request(kind, data or sms_data(opened.identifier("alice")))
    await store(opened.pool, wanted)
    await publish(settings, wanted)
    return wanted.id


async def arrives(opened: House, identifier: UUID) -> None:
    for _ in range(200):
        if await rows(opened.pool, "SELECT 1 FROM notifications.message WHERE id = %s", identifier):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it does not arrive")


async def test_every_reaction_is_taken_once_by_several_processes(
    settings: Settings, opened: House
) -> None:
    async with taking(settings, processes=2):
        asked = [await ask(settings, opened, "sms") for _ in range(20)]
        for one in asked:
            await arrives(opened, one)

    ((count,),) = await rows(opened.pool, "SELECT count(*) FROM notifications.message")
    assert count == len(asked)


async def test_what_fails_comes_again_and_one_that_is_broken_holds_up_nothing(
    settings: Settings, opened: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "RETRY_FIRST_S", 0.1)
    take, tried = Intake.take, list[str]()

    async def failing(self: Intake, kind: str, told: bytes) -> None:
        tried.append(kind)
        if len(tried) <= 2:
            raise ConnectionError("the database is away")
        await take(self, kind, told)

    monkeypatch.setattr(Intake, "take", failing)
    async with taking(settings):
        await ask(settings, opened, "webhook", {"endpoint": str(uuid4()), "payload": {}})
        asked = await ask(settings, opened, "sms")
        await arrives(opened, asked)

    assert len(tried) >= 4
    assert await rows(opened.pool, "SELECT 1 FROM notifications.delivery") == []


async def test_while_the_broker_is_away_the_loop_waits_and_stops_when_told(
    settings: Settings,
) -> None:
    away = settings.model_copy(update={"nats_url": "nats://127.0.0.1:1"})
    async with asyncio.timeout(8), taking(away):
        await asyncio.sleep(0.5)


async def test_a_broker_that_has_nothing_to_give_is_not_away(
    settings: Settings, opened: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what it was just handing out to a reader that left comes again half a minute later."""
    async with taking(settings):
        await arrives(opened, await ask(settings, opened, "sms"))
        with structlog.testing.capture_logs() as told:
            monkeypatch.setattr(JetStreamContext.PullSubscription, "fetch", nothing_to_give)
            await asyncio.sleep(1.5)
            monkeypatch.undo()
            await arrives(opened, await ask(settings, opened, "sms"))

    assert "effects.broker_away" not in {line["event"] for line in told}


async def nothing_to_give(*_: object, **__: object) -> None:
    """As the library tells it where its own time ran out between two requests."""
    await asyncio.sleep(0.05)
    raise TimeoutError


@pytest.mark.case("J15")
async def test_a_message_of_a_stranger_sends_nothing_and_holds_up_nothing(
    settings: Settings, opened: House
) -> None:
    """Whoever reaches the stream forges an SMS, or changes what a true reaction asks for."""
    forged = reaction_request("sms", sms_data(opened.identifier("alice"), "win a prize: call me"))
    true = reaction_request("sms", sms_data(opened.identifier("alice"), "your true message"))
    foreign = reaction_request("sms", sms_data(opened.identifier("alice"), "of nobody"))
    await store(opened.pool, true)
    changed = replace(true, data={**true.data, "data": forged.data["data"]})
    before = measured("mmo_effects_forged_total")
    await publish(settings)  # makes the stream
    async with taking(settings):
        client = await nats.connect(
            settings.nats_url, user=RELAY, password=login_of(settings, RELAY).password
        )
        for body in (b"", b"[]", b'{"id": 1}', b'{"id": "x", "tenant": "nobody"}'):
            await client.publish(forged.subject(TENANT.slug), body)
        await client.publish(
            foreign.subject(TENANT.slug), json.dumps(foreign.cloud_event("nobody")).encode()
        )
        await client.close()
        await publish(settings, forged, changed)
        await arrives(opened, true.id)
        await arrives(opened, await ask(settings, opened, "sms"))

    sealed = await rows(opened.pool, "SELECT id, text FROM notifications.message")
    envelope = Envelope(opened.keys)
    texts = [
        await envelope.open_text(TENANT.slug, PURPOSE, text_context(identifier), text)
        for identifier, text in sealed
    ]
    assert sorted(texts) == ["hello", "your true message"]
    assert measured("mmo_effects_forged_total") - before == 6


async def test_a_reaction_that_comes_again_after_its_traces_are_gone_is_passed_over(
    settings: Settings, opened: House, own_nats: NatsServer, database: Database
) -> None:
    """The position in the database stays, where the broker brings everything from the start."""
    async with taking(settings):
        asked = await ask(settings, opened, "sms")
        await arrives(opened, asked)
    await passed(opened.pool)
    async with opened.pool.connection() as connection:
        await move_to(connection, "relay", await head(connection))
        await intake.advance(connection, KINDS, effects.PATIENCE)
    async with await psycopg.AsyncConnection.connect(database.admin) as connection:
        await connection.execute("DELETE FROM notifications.message")
    assert await rows(opened.pool, "SELECT id FROM notifications.reaction_intake") == []

    client = await own_nats.administrator()
    await client.jetstream().delete_consumer(STREAM, consumer_of("sms"))
    await client.close()
    async with taking(settings):
        await arrives(opened, await ask(settings, opened, "sms"))

    assert await rows(opened.pool, "SELECT 1 FROM notifications.message WHERE id = %s", asked) == []


async def test_a_reaction_that_never_arrived_does_not_hold_the_position_for_ever(
    opened: House,
) -> None:
    lost = reaction_request("sms", sms_data(opened.identifier("alice")))
    await store(opened.pool, replace(lost, occurred_at=lost.occurred_at - effects.PATIENCE))
    await passed(opened.pool)
    async with opened.pool.connection() as connection:
        await move_to(connection, "relay", await head(connection))
        progress = await intake.advance(connection, KINDS, effects.PATIENCE)

    assert progress.given_up == [lost.id]
    assert progress.moved


def test_the_kinds_that_the_broker_brings_are_those_of_the_processors() -> None:
    assert set(KINDS) == {sms.KIND, webhook.KIND, notification.KIND}
