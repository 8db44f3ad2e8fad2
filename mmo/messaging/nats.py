"""The broker in NATS JetStream: one stream, and every message known by its event's id."""

import asyncio
from collections.abc import Sequence
from typing import Any

import nats
import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from mmo.messaging.event import Event
from mmo.messaging.ports import BrokerAwayError

STREAM = "MMO"
SUBJECTS = ["mmo.>"]
DUPLICATE_WINDOW_S = 600.0
"""How long JetStream remembers ids; the relay repeats a page at once, or after its own restart."""
CONNECT_S, ACK_S = 2.0, 5.0
HEADERS = {"Content-Type": "application/cloudevents+json"}


class NatsBroker:
    """Publishes events as CloudEvents; connects when first needed, and anew after a fault."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None

    async def publish(self, events: Sequence[tuple[str, Event]]) -> None:
        """Publish and wait until each is stored. Raises BrokerAwayError."""
        try:
            stream = await self._connected()
            await asyncio.gather(*(self._send(stream, *pair) for pair in events))
        except (NatsError, OSError, TimeoutError) as error:
            await self.close()
            raise BrokerAwayError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Hang up; the next publish connects again."""
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            await client.close()

    @staticmethod
    async def _send(stream: JetStreamContext, tenant: str, event: Event) -> None:
        await stream.publish(
            event.subject(tenant),
            orjson.dumps(event.cloud_event(tenant)),
            timeout=ACK_S,
            headers={**HEADERS, "Nats-Msg-Id": str(event.id)},
        )

    async def _connected(self) -> JetStreamContext:
        if self._stream is None:
            self._client = await nats.connect(
                self._url,
                connect_timeout=int(CONNECT_S),
                allow_reconnect=False,
                max_reconnect_attempts=1,  # else the first connection is tried for two minutes
                reconnect_time_wait=0.1,  # pyright: ignore[reportArgumentType] - seconds, slept
                error_cb=_quiet,
            )
            stream = self._client.jetstream()
            await _ensure(stream)
            self._stream = stream
        return self._stream


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


async def _quiet(_: Any) -> None:
    """The fault reaches the publisher as an exception; nothing else is to be done."""
