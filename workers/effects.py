"""Role effects: carries reactions out, as a durable subscriber of the broker.

What is asked for is written down first, and sent from there: so a message of the broker is done in
a moment, and what has to be tried again waits in a table where it is seen.
"""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from prometheus_client import Counter
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mmo.messaging.broker import EFFECTS, STREAM, login_of
from mmo.messaging.nats import open_client
from mmo.notifications import intake as taken
from mmo.notifications.backoff import backoff_s
from mmo.notifications.intake import KINDS, consumer_of, subject_of
from mmo.settings import Settings
from workers import sms_sender, webhook_sender
from workers.effects_intake import Forged, Intake, Unusable
from workers.loops import run_ready
from workers.stopping import sleep_or_stop
from workers.wiring import key_store, open_envelope, open_pool, open_trust

BATCH_MAX, IN_FLIGHT_MAX, ACK_S = 20, 100, 30.0
TRIES_MAX = 40
RETRY_FIRST_S, RETRY_LAST_S = 1.0, 3600.0
RECONNECT_S, FETCH_S = 1.0, 1.0
ADVANCE_EVERY_S = 5.0
PATIENCE = timedelta(hours=36)
"""Longer than all tries of one message take: what is not done by then has got lost."""

TAKEN = Counter("mmo_effects_taken", "Reactions that were taken from the broker.", ["kind"])
GIVEN_UP = Counter("mmo_effects_given_up", "Reactions that nothing could be done with.", ["kind"])
FORGED = Counter("mmo_effects_forged", "Messages of the broker that the feed knows nothing of.")

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
    async with (
        open_pool(settings) as pool,
        open_trust(settings) as trust,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(_advance(pool, stop))
        taking = Intake(pool, open_envelope(key_store(settings), trust))
        while not stop.is_set():
            try:
                await _subscribed(settings, pool, taking, stop)
            except* (NatsError, OSError, TimeoutError, psycopg.OperationalError) as group:
                _log.warning("effects.broker_away", error=repr(group.exceptions[0]))
                await sleep_or_stop(stop, RECONNECT_S)


async def _advance(pool: AsyncConnectionPool[Any], stop: asyncio.Event) -> None:
    """Keep the position behind which every reaction is done, for a consumer to be made anew."""
    while not stop.is_set():
        try:
            async with pool.connection() as connection:
                progress = await taken.advance(connection, KINDS, PATIENCE)
            for identifier in progress.given_up:
                GIVEN_UP.labels("unknown").inc()
                _log.warning("effects.never_done", reaction=str(identifier))
        except (psycopg.OperationalError, PoolTimeout) as error:
            _log.warning("effects.database_away", error=str(error).strip())
        await sleep_or_stop(stop, ADVANCE_EVERY_S)


async def _subscribed(
    settings: Settings, pool: AsyncConnectionPool[Any], taking: Intake, stop: asyncio.Event
) -> None:
    client = await open_client(login_of(settings, EFFECTS))
    try:
        async with asyncio.TaskGroup() as tasks:
            for kind in KINDS:
                tasks.create_task(_take(client.jetstream(), kind, pool, taking, stop))
    finally:
        with contextlib.suppress(NatsError, OSError):
            await client.close()


async def _take(
    stream: JetStreamContext,
    kind: str,
    pool: AsyncConnectionPool[Any],
    taking: Intake,
    stop: asyncio.Event,
) -> None:
    consumer = await _consumer(stream, kind, pool)
    while not stop.is_set():
        try:
            messages = await consumer.fetch(BATCH_MAX, timeout=FETCH_S)
        except TimeoutError:  # nothing came; the library tells it by its own class or by Python's
            await consumer.consumer_info()  # raises where it went with its stream
            continue
        for message in messages:
            await _see_to(message, kind, taking)


async def _consumer(
    stream: JetStreamContext, kind: str, pool: AsyncConnectionPool[Any]
) -> JetStreamContext.PullSubscription:
    """The durable consumer; where the broker has lost it, from the position in the database."""
    name = consumer_of(kind)
    try:
        await stream.consumer_info(STREAM, name)
    except NotFoundError:
        async with pool.connection() as connection:
            since = await taken.published_since(connection)
        await stream.add_consumer(
            STREAM,
            ConsumerConfig(
                name=name,
                durable_name=name,
                filter_subject=subject_of(kind),
                deliver_policy=DeliverPolicy.BY_START_TIME if since else DeliverPolicy.ALL,
                opt_start_time=since,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_S,
                max_ack_pending=IN_FLIGHT_MAX,
                max_deliver=TRIES_MAX,
            ),
        )
        _log.warning("effects.consumer_made", kind=kind, since=str(since))
    return await stream.pull_subscribe_bind(consumer=name, stream=STREAM)


async def _see_to(message: Msg, kind: str, taking: Intake) -> None:
    """Take one message. One that cannot be taken comes again later, and is given up at last."""
    tries = message.metadata.num_delivered
    try:
        await taking.take(kind, message.data)
    except Forged as error:
        FORGED.inc()
        _log.warning("effects.forged", kind=kind, subject=message.subject, error=str(error))
        await message.term()
    except Unusable as error:
        GIVEN_UP.labels(kind).inc()
        _log.warning("effects.unusable", kind=kind, error=str(error))
        await message.term()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
        _log.warning("effects.failed", kind=kind, tries=tries, error=repr(error))
        await _again(message, kind, tries, taking)
    else:
        TAKEN.labels(kind).inc()
        await message.ack()


async def _again(message: Msg, kind: str, tries: int, taking: Intake) -> None:
    """Have it brought again later, but for so many times only."""
    if tries < TRIES_MAX:
        wait_s = backoff_s(tries - 1, first_s=RETRY_FIRST_S, last_s=RETRY_LAST_S)
        await message.nak(delay=wait_s)
        return
    GIVEN_UP.labels(kind).inc()
    with contextlib.suppress(psycopg.OperationalError, PoolTimeout):
        await taking.give_up(kind, message.data)
    await message.term()
