"""The broker: a message is stored once, under its documented subject, as a CloudEvent."""

import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from nats.js import JetStreamContext

from mmo.messaging.broker import STREAM
from mmo.messaging.event import Event
from mmo.messaging.nats import NatsBroker
from mmo.messaging.ports import BrokerAwayError
from tests.servers.nats import NatsServer, stored
from workers.stack.processes import free_port

ASYNCAPI = yaml.safe_load((Path(__file__).parents[3] / "docs" / "asyncapi.yaml").read_text())


def frozen() -> Event:
    return Event(
        tenant_id=1,
        id=uuid4(),
        aggregate="wallet",
        aggregate_id=uuid4(),
        version=2,
        type="mmo.wallet.frozen.v1",
        actor="tests",
        occurred_at=datetime.now(UTC),
        data={},
    )


@pytest.fixture
async def broker(nats_server: NatsServer) -> AsyncGenerator[NatsBroker]:
    opened = NatsBroker(nats_server.login())
    yield opened
    await opened.close()


@pytest.fixture
async def stream(nats_server: NatsServer) -> AsyncGenerator[JetStreamContext]:
    client = await nats_server.administrator()
    yield client.jetstream()
    await client.close()


async def test_a_message_sent_again_is_in_the_stream_once(
    broker: NatsBroker, stream: JetStreamContext
) -> None:
    tenant, events = f"t{uuid4().hex[:12]}", [frozen() for _ in range(50)]

    for _ in range(3):
        await broker.publish([(tenant, event) for event in events])

    found = await stored(stream, f"mmo.{tenant}.>")
    assert sorted(str(message["id"]) for _, message in found) == sorted(str(e.id) for e in events)


async def test_its_subject_and_content_are_those_of_the_published_contract(
    broker: NatsBroker, stream: JetStreamContext
) -> None:
    tenant, event = f"t{uuid4().hex[:12]}", frozen()
    await broker.publish([(tenant, event)])

    ((subject, message),) = await stored(stream, f"mmo.{tenant}.>")

    told = ASYNCAPI["components"]["messages"]["wallet-frozen"]
    address = ASYNCAPI["channels"]["wallet-frozen"]["address"]
    assert subject == address.replace("{tenant}", tenant)
    assert (message["type"], message["subject"]) == (told["name"], str(event.aggregate_id))
    schema = {"$ref": told["payload"]["$ref"], "components": ASYNCAPI["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(message)


async def test_a_broker_that_is_away_is_said_to_be_away_within_seconds(
    nats_server: NatsServer,
) -> None:
    broker = NatsBroker(replace(nats_server.login(), url=f"nats://127.0.0.1:{free_port()}"))
    begun = time.monotonic()

    with pytest.raises(BrokerAwayError):
        await broker.publish([("demo", frozen())])

    assert time.monotonic() - begun < 5, "a relay that is told to stop must hear it"


async def test_the_stream_keeps_its_messages_on_disk_for_all_subjects(
    broker: NatsBroker, stream: JetStreamContext
) -> None:
    await broker.publish([("demo", frozen())])

    config = (await stream.stream_info(STREAM)).config

    assert (config.storage, config.subjects, config.retention) == ("file", ["mmo.>"], "limits")
    assert config.duplicate_window == 600
