"""Effects: a durable subscriber takes each reaction once, however often it comes or fails."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog.testing
from nats.js import JetStreamContext

from mmo.messaging.event import Event
from mmo.messaging.nats import NatsBroker
from mmo.settings import Settings
from tests.mmo.moving import NO_TEMPORAL, rows
from tests.servers.nats import NatsServer, nats_of
from tests.servers.postgres import Database
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
    return database.settings("mmo_effects", nats_url=own_nats.url, env="dev", home=tmp_path)


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


async def publish(settings: Settings, kind: str, data: dict[str, Any]) -> UUID:
    identifier = uuid4()
    event = Event(
        tenant_id=TENANT.id, id=identifier, aggregate="reaction", aggregate_id=identifier,
        version=1, type=f"mmo.{kind}.requested.v1", actor="clerk", occurred_at=datetime.now(UTC),
        data={"kind": kind, "data": data, "caused_by": {"definition": str(uuid4())}},
    )  # fmt: skip
    broker = NatsBroker(settings.nats_url)
    await broker.publish([(TENANT.slug, event)])
    await broker.close()
    return identifier


def message(opened: House) -> dict[str, Any]:
    return {
        "templates": {"en": "hello"}, "quiet_hours": None, "dedupe_key": None,
        "wallet": str(opened.identifier("alice")), "amount_minor": None, "currency": "",
        "at": "2026-11-24T10:00:00+00:00",
    }  # fmt: skip


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
        asked = [await publish(settings, "sms", message(opened)) for _ in range(20)]
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
        await publish(settings, "webhook", {"endpoint": str(uuid4()), "payload": {}})
        asked = await publish(settings, "sms", message(opened))
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
        await arrives(opened, await publish(settings, "sms", message(opened)))
        with structlog.testing.capture_logs() as told:
            monkeypatch.setattr(JetStreamContext.PullSubscription, "fetch", nothing_to_give)
            await asyncio.sleep(1.5)
            monkeypatch.undo()
            await arrives(opened, await publish(settings, "sms", message(opened)))

    assert "effects.broker_away" not in {line["event"] for line in told}


async def nothing_to_give(*_: object, **__: object) -> None:
    """As the library tells it where its own time ran out between two requests."""
    await asyncio.sleep(0.05)
    raise TimeoutError
