"""Role effects: carries reactions out, as a durable subscriber of the broker.

What is asked for is written down first, and sent from there: so a message of the broker is done in
a moment, and what has to be tried again waits in a table where it is seen.
"""

import asyncio
import contextlib
from typing import Any

import nats
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from prometheus_client import Counter

from mmo.messaging.nats import STREAM
from mmo.settings import Settings
from workers import sms_sender, webhook_sender
from workers.effects_intake import KINDS, Intake, Unusable
from workers.loops import run_ready
from workers.stopping import sleep_or_stop
from workers.wiring import key_store, open_envelope, open_pool, open_trust

BATCH_MAX, IN_FLIGHT_MAX, ACK_S = 20, 100, 30.0
TRIES_MAX = 40
RETRY_FIRST_S, RETRY_LAST_S = 1.0, 3600.0
RECONNECT_S, FETCH_S = 1.0, 1.0

TAKEN = Counter("mmo_effects_taken", "Reactions that were taken from the broker.", ["kind"])
GIVEN_UP = Counter("mmo_effects_given_up", "Reactions that nothing could be done with.", ["kind"])

_log = structlog.get_logger()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Carry out until told to stop."""
    await run_ready(settings, stop, intake, sms_sender.loop, webhook_sender.loop)


async def loop(settings: Settings, stop: asyncio.Event) -> None:
    """The same as one loop of many."""
    async with asyncio.TaskGroup() as tasks:
        for one in (intake, sms_sender.loop, webhook_sender.loop):
            tasks.create_task(one(settings, stop))


async def intake(settings: Settings, stop: asyncio.Event) -> None:
    """Take what the broker has, kind by kind; while it is away, wait."""
    async with open_pool(settings) as pool, open_trust(settings) as trust:
        taking = Intake(pool, open_envelope(key_store(settings), trust))
        while not stop.is_set():
            try:
                await _subscribed(settings, taking, stop)
            except* (NatsError, OSError, TimeoutError) as group:
                _log.warning("effects.broker_away", error=repr(group.exceptions[0]))
                await sleep_or_stop(stop, RECONNECT_S)


async def _subscribed(settings: Settings, taking: Intake, stop: asyncio.Event) -> None:
    client = await nats.connect(
        settings.nats_url,
        connect_timeout=2,
        allow_reconnect=False,
        max_reconnect_attempts=1,
        reconnect_time_wait=0.1,  # pyright: ignore[reportArgumentType] - seconds, slept
        error_cb=_quiet,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            for kind in KINDS:
                tasks.create_task(_take(client.jetstream(), kind, taking, stop))
    finally:
        with contextlib.suppress(NatsError, OSError):
            await client.close()


async def _take(stream: JetStreamContext, kind: str, taking: Intake, stop: asyncio.Event) -> None:
    consumer = await stream.pull_subscribe(
        f"mmo.*.reactions.{kind}.requested.v1",
        durable=f"effects-{kind}",
        stream=STREAM,
        config=ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_S,
            max_ack_pending=IN_FLIGHT_MAX,
            max_deliver=TRIES_MAX,
        ),
    )
    while not stop.is_set():
        try:
            messages = await consumer.fetch(BATCH_MAX, timeout=FETCH_S)
        except TimeoutError:  # nothing came; the library tells it by its own class or by Python's
            continue
        for message in messages:
            await _see_to(message, kind, taking)


async def _see_to(message: Msg, kind: str, taking: Intake) -> None:
    """Take one message. One that cannot be taken comes again later, and is given up at last."""
    tries = message.metadata.num_delivered
    try:
        await taking.take(kind, message.data)
    except Unusable as error:
        GIVEN_UP.labels(kind).inc()
        _log.warning("effects.unusable", kind=kind, error=str(error))
        await message.term()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
        _log.warning("effects.failed", kind=kind, tries=tries, error=repr(error))
        if tries >= TRIES_MAX:
            GIVEN_UP.labels(kind).inc()
            await message.term()
        else:
            await message.nak(delay=min(RETRY_FIRST_S * 2 ** (tries - 1), RETRY_LAST_S))
    else:
        TAKEN.labels(kind).inc()
        await message.ack()


async def _quiet(_: Any) -> None:
    """The fault reaches the reader as an exception."""
