"""The broker in NATS JetStream: one stream, and every message known by its event's id."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from mmo.messaging.broker import INVENTORY, STREAM, BrokerLogin
from mmo.messaging.event import Event
from mmo.messaging.ports import BrokerAwayError, StreamMark

SUBJECTS = ["mmo.>"]
DUPLICATE_WINDOW_S = 600.0
"""How long JetStream remembers ids; the relay repeats a page at once, or after its own restart."""
CONNECT_S, ACK_S = 2.0, 5.0
MESSAGE_ID = "Nats-Msg-Id"
HEADERS = {"Content-Type": "application/cloudevents+json"}
INVENTORY_PAGE = 1000


async def open_client(login: BrokerLogin) -> Client:
    """Sign in once, without coming back by itself. Raises NatsError or OSError."""
    return await connect(login, user=login.user, password=login.password, inbox_prefix=login.inbox)


async def connect(login: BrokerLogin, **who: Any) -> Client:
    """Connect as whoever is named, or nobody. Raises NatsError or OSError."""
    tls, client = login.tls(), Client()
    try:
        await client.connect(
            login.url,
            **who,
            tls=tls,
            tls_handshake_first=tls is not None,  # nothing is said in clear: nobody talks it down
            connect_timeout=int(CONNECT_S),
            allow_reconnect=False,
            max_reconnect_attempts=1,  # else the first connection is tried for two minutes
            reconnect_time_wait=0.1,  # pyright: ignore[reportArgumentType] - seconds, slept
            error_cb=_quiet,
        )
    except BaseException:
        _abandon(client)
        raise
    return client


def _abandon(client: Client) -> None:
    """Close what a connection that failed has opened: the library leaves it to the collector."""
    for name in ("_bare_io_writer", "_io_writer"):
        writer = getattr(client._transport, name, None)  # noqa: SLF001
        if writer is not None:
            writer.transport.abort()


async def lets_in_anybody(login: BrokerLogin) -> bool:
    """Whether the broker takes a caller who gives no name. Raises NatsError or OSError."""
    try:
        client = await connect(login)
    except NatsError as error:
        if "authorization" in str(error).lower():
            return False
        raise
    await client.close()
    return True


class NatsBroker:
    """Publishes events as CloudEvents; connects when first needed, and anew after a fault."""

    def __init__(self, login: BrokerLogin) -> None:
        self._login = login
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None

    async def publish(self, events: Sequence[tuple[str, Event]], anew: str = "") -> None:
        """Publish and wait until each is stored. Raises BrokerAwayError."""
        try:
            stream = await self._connected()
            await asyncio.gather(*(self._send(stream, *pair, anew) for pair in events))
        except (NatsError, OSError, TimeoutError) as error:
            raise await self._away(error) from error

    async def mark(self) -> StreamMark:
        """What tells a stream that has lost messages from one that has not."""
        try:
            stream = await self._connected()
            info = await stream.stream_info(STREAM)
        except (NatsError, OSError, TimeoutError) as error:
            raise await self._away(error) from error
        state, config = info.state, info.config
        limits = (config.max_msgs, config.max_bytes, config.max_msgs_per_subject)
        return StreamMark(
            created=info.created.isoformat() if info.created else "",
            last=state.last_seq,
            missing=state.last_seq - state.messages,
            limited=bool(config.max_age) or any((limit or 0) > 0 for limit in limits),
        )

    async def ids(self) -> AsyncGenerator[list[UUID]]:
        """The ids of all messages in the stream, page by page. Raises BrokerAwayError."""
        try:
            stream = await self._connected()
            with suppress(NotFoundError):
                await stream.delete_consumer(STREAM, INVENTORY)
            reader = await stream.pull_subscribe(
                SUBJECTS[0], durable=INVENTORY, stream=STREAM, config=_INVENTORY
            )
            left = (await reader.consumer_info()).num_pending or 0
            while left > 0:
                messages = await reader.fetch(min(INVENTORY_PAGE, left), timeout=ACK_S)
                left = messages[-1].metadata.num_pending
                yield [found for message in messages if (found := event_id_of(message.headers))]
            await stream.delete_consumer(STREAM, INVENTORY)
        except (NatsError, OSError, TimeoutError) as error:
            raise await self._away(error) from error

    async def close(self) -> None:
        """Hang up; the next publish connects again."""
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            await client.close()

    async def _away(self, error: BaseException) -> BrokerAwayError:
        await self.close()
        return BrokerAwayError(f"{type(error).__name__}: {error}")

    @staticmethod
    async def _send(stream: JetStreamContext, tenant: str, event: Event, anew: str) -> None:
        await stream.publish(
            event.subject(tenant),
            orjson.dumps(event.cloud_event(tenant)),
            timeout=ACK_S,
            headers={**HEADERS, MESSAGE_ID: f"{event.id}:{anew}" if anew else str(event.id)},
        )

    async def _connected(self) -> JetStreamContext:
        if self._stream is None:
            self._client = await open_client(self._login)
            stream = self._client.jetstream()
            await _ensure(stream)
            self._stream = stream
        return self._stream


_INVENTORY = ConsumerConfig(
    ack_policy=AckPolicy.NONE,
    deliver_policy=DeliverPolicy.ALL,
    headers_only=True,
    inactive_threshold=60.0,
    mem_storage=True,
)


async def _ensure(stream: JetStreamContext) -> None:
    try:
        await stream.stream_info(STREAM)
    except NotFoundError:
        await stream.add_stream(
            StreamConfig(
                name=STREAM,
                subjects=SUBJECTS,
                storage=StorageType.FILE,
                retention=RetentionPolicy.LIMITS,
                duplicate_window=DUPLICATE_WINDOW_S,
            )
        )


def event_id_of(headers: Mapping[str, str] | None) -> UUID | None:
    """The event that a message carries; None where somebody else has published it."""
    try:
        return UUID((headers or {}).get(MESSAGE_ID, "").partition(":")[0])
    except ValueError:
        return None


async def _quiet(_: Any) -> None:
    """The fault reaches the publisher as an exception; nothing else is to be done."""
