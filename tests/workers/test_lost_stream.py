"""A stream that is deleted, purged or cut while it is used: nothing is lost, nothing sent twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from mmo.messaging.broker import STREAM
from mmo.messaging.nats import NatsBroker
from mmo.messaging.ports import StreamMark
from mmo.settings import Settings
from tests.mmo.moving import NO_TEMPORAL, passed, rows
from tests.servers.nats import NatsServer, nats_of, stored
from tests.servers.postgres import Database
from tests.servers.webhook_receiver import receiver
from tests.workers.reaction_request import reaction_request, sms_data, store
from tests.workers.webhook_endpoint import active_endpoint
from tests.workflows.house import House, house
from workers import effects, relay
from workers.relay import Relay
from workers.smsc import Simulator
from workers.stack.processes import free_port

PER_KIND = 150
"""Messages and webhooks that are asked for while the stream is spoilt."""


@pytest.fixture
def own_nats(tmp_path: Path):
    with nats_of(tmp_path) as server:
        yield server


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with house(
        database.settings("mmo_background"), NO_TEMPORAL, tmp_path / "keys"
    ) as started:
        yield started


@asynccontextmanager
async def running(
    database: Database, own_nats: NatsServer, centre_port: int, home: Path
) -> AsyncGenerator[None]:
    """Relay and effects as processes of their own would run them, and an SMS centre."""

    def settings(user: str) -> Settings:
        return database.settings(
            user, env="dev", home=home, smsc_port=centre_port, smsc_rate=1000,
            webhook_loopback=True, **own_nats.settings,
        )  # fmt: skip

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.loop(settings("mmo_relay"), stop))
        tasks.create_task(effects.loop(settings("mmo_effects"), stop))
        try:
            yield
        finally:
            stop.set()


async def delete_stream(stream: JetStreamContext) -> None:
    await stream.delete_stream(STREAM)


async def purge_stream(stream: JetStreamContext) -> None:
    await stream.purge_stream(STREAM)


async def delete_some(stream: JetStreamContext) -> None:
    last = (await stream.stream_info(STREAM)).state.last_seq
    for sequence in range(2, last + 1, 3):
        with suppress(APIError):  # one that is gone already
            await stream.delete_msg(STREAM, sequence)


SPOILT: tuple[Callable[[JetStreamContext], Awaitable[None]], ...] = (
    delete_stream, purge_stream, delete_some, delete_stream,
)  # fmt: skip


async def until(so: Callable[[], Awaitable[bool]], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not await so():  # noqa: ASYNC110 - another task works meanwhile
            await asyncio.sleep(0.2)


@pytest.mark.timeout(300)
@pytest.mark.case("J16")
async def test_a_stream_spoilt_under_load_is_filled_again_and_nothing_is_sent_twice_or_lost(
    database: Database,
    opened: House,
    own_nats: NatsServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "LOOK_EVERY_S", 0.3)
    port, administrator = free_port(), await own_nats.administrator()
    stream = administrator.jetstream()
    async with AsyncExitStack() as stack:
        centre = Simulator(port)
        serving = asyncio.create_task(centre.run())
        stack.callback(serving.cancel)
        program = await stack.enter_async_context(receiver())
        endpoint = await active_endpoint(opened, program.url)
        await stack.enter_async_context(running(database, own_nats, port, tmp_path))
        asked: list[UUID] = []

        async def load() -> None:
            for _ in range(PER_KIND):
                sms = reaction_request("sms", sms_data(opened.identifier("alice"), f"{uuid4()}"))
                body = {"type": "WalletOpened", "id": str(uuid4())}
                hook = reaction_request("webhook", {"endpoint": str(endpoint), "payload": body})
                await store(opened.pool, sms, hook)
                asked.extend((sms.id, hook.id))
                await asyncio.sleep(0.05)

        loading = asyncio.create_task(load())
        for spoil in SPOILT:
            await asyncio.sleep(1.7)
            await spoil(stream)
        await loading
        await passed(opened.pool)
        events = {row[0] for row in await rows(opened.pool, "SELECT id::text FROM messaging.event")}

        async def full() -> bool:
            try:
                return {m["id"] for _, m in await stored(stream, "mmo.>")} == events
            except (NotFoundError, NatsError, TimeoutError):
                return False

        async def sent() -> bool:
            return len(centre.messages) >= PER_KIND and len(program.ids) >= PER_KIND

        await until(full)
        await until(sent, within_s=120)
        await asyncio.sleep(2)  # whatever would come twice has come
        found = [message["id"] for _, message in await stored(stream, "mmo.>")]
        texts = Counter(message["text"] for message in centre.messages)
        hooks = Counter(program.ids)
    await administrator.close()

    doubled = sum(count - 1 for counted in (texts, hooks) for count in counted.values())
    print(  # noqa: T201 - the counts are what the test is asked for
        f"events {len(events)}, distinct ids in the stream {len(set(found))} of {len(found)}; "
        f"asked {len(asked)}, SMS {len(texts)}, webhooks {len(hooks)}, doubled {doubled}, "
        f"lost {len(asked) - len(texts) - len(hooks)}"
    )
    assert set(found) == events
    assert doubled == 0
    assert (len(texts), len(hooks)) == (PER_KIND, PER_KIND)
    assert set(hooks) <= {str(one) for one in asked}


async def test_a_relay_that_comes_back_to_another_stream_fills_it(
    opened: House, own_nats: NatsServer
) -> None:
    """The stream was lost while nobody looked: a disk, a restore, somebody's hand."""
    events = [reaction_request("task", {}) for _ in range(40)]
    await store(opened.pool, *events)
    await passed(opened.pool)
    broker = NatsBroker(own_nats.login())
    while await Relay(opened.pool, broker).round():
        pass
    client = await own_nats.administrator()
    stream = client.jetstream()
    for spoil in (delete_stream, purge_stream, delete_some):
        await spoil(stream)
        relaying = Relay(opened.pool, broker)
        for _ in range(3):  # the first finds the connection broken
            try:
                while await relaying.round():
                    pass
            except OSError:
                continue
        await relaying.close()
        found = [message["id"] for _, message in await stored(stream, "mmo.>")]
        assert len(found) == len(set(found)), spoil.__name__
        assert set(found) == await ids_of_the_feed(opened), spoil.__name__
    await client.close()
    await broker.close()


async def ids_of_the_feed(opened: House) -> set[str]:
    return {row[0] for row in await rows(opened.pool, "SELECT id::text FROM messaging.event")}


BEFORE = StreamMark(created="a", last=10, missing=0)


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        (StreamMark(created="a", last=10, missing=0), False),
        (StreamMark(created="a", last=17, missing=0), False),
        (StreamMark(created="b", last=17, missing=0), True),
        (StreamMark(created="a", last=9, missing=0), True),
        (StreamMark(created="a", last=17, missing=1), True),
        (StreamMark(created="a", last=17, missing=1, limited=True), False),
        (StreamMark(created="b", last=17, missing=1, limited=True), True),
    ],
)
def test_a_mark_tells_a_stream_that_has_lost_messages(after: StreamMark, lost: bool) -> None:
    assert after.lost_since(BEFORE) is lost
