"""After a drill: what the books, the histories, the broker and the read models say."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
from nats.js.api import ConsumerConfig, DeliverPolicy
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from mmo.keys.envelope import Envelope
from mmo.messaging.broker import READER, STREAM, login_of
from mmo.messaging.nats import event_id_of, open_client
from mmo.settings import Settings
from tests.servers.hsm import keys_of
from workers.demo.seed import DEMO
from workers.replaying import Histories
from workers.wiring import TenantClients, open_pool

SETTLED_S = 90.0


def one(admin: str, statement: str) -> Any:
    """The one value that a statement of an administrator gives."""
    with psycopg.connect(admin, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


async def settled(admin: str) -> float:
    """Wait until every command has its outcome and its history, and the feed is read.

    Answers with the seconds it took.
    """
    began = time.monotonic()
    while left := one(
        admin,
        """SELECT (SELECT count(*) FROM movements.command WHERE outcome IS NULL OR NOT kept)
                + (SELECT count(*) FROM messaging.cursor c, messaging.event e WHERE e.xid > c.xid)
                + (SELECT greatest(0, 2 - count(*)) FROM messaging.cursor)""",
    ):
        assert time.monotonic() - began < SETTLED_S, f"{left} rows are not settled"
        await asyncio.sleep(0.5)
    return time.monotonic() - began


def outcomes(admin: str) -> dict[str, tuple[int, int]]:
    """Key → how many first steps the journal has of its movement, and how many events tell so."""
    with psycopg.connect(admin) as connection:
        rows = connection.execute(
            """SELECT c.key,
                      (SELECT count(*) FROM ledger.journal j
                        WHERE j.tenant_id = c.tenant_id AND j.txn = c.movement_id AND j.step = 1),
                      (SELECT count(*) FROM messaging.event e
                        WHERE e.tenant_id = c.tenant_id AND e.aggregate = 'movement'
                          AND e.aggregate_id = c.movement_id AND e.version = 1)
                 FROM movements.command c"""
        ).fetchall()
    return {key: (journals, events) for key, journals, events in rows}


def ledger_balances(admin: str) -> dict[str, int]:
    """Wallet → minor units, from the ledger itself."""
    with psycopg.connect(admin) as connection:
        rows = connection.execute(
            """SELECT w.id::text, a.posted - a.held FROM wallets.wallet w
                 JOIN ledger.account a ON a.tenant_id = w.tenant_id
                  AND a.id = (w.accounts ->> 'wallet')::bigint"""
        ).fetchall()
    return dict(rows)


async def still_running(settings: Settings) -> int:
    """How many workflows are open, once the list has caught up."""
    client: Client = await TenantClients(settings.temporal_address, None)(DEMO)
    deadline = time.monotonic() + 20
    while True:
        open_ones = await client.count_workflows("ExecutionStatus = 'Running'")
        if not open_ones.count or time.monotonic() > deadline:
            return open_ones.count
        await asyncio.sleep(0.5)


async def attempts(settings: Settings, admin: str) -> Counter[str]:
    """What the histories tell of repeated attempts."""
    with psycopg.connect(admin) as connection:
        rows = connection.execute("SELECT movement_id FROM movements.command").fetchall()
    seen = Counter[str]()
    async with open_pool(settings) as pool, keys_of(settings) as keys:
        histories = Histories(pool, TenantClients(settings.temporal_address, Envelope(keys)))
        for (movement,) in rows:
            history, source = await histories.find(DEMO, movement)
            seen[f"histories from the {source}"] += 1
            told = list(_repeated(history))
            seen.update(told)
            seen["movements with repeated attempts"] += bool(told)
    return seen


def _repeated(history: WorkflowHistory) -> Iterator[str]:
    for event in history.events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
                yield "workflow tasks given to another process"
            case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                yield "workflow tasks failed"
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                marker = event.marker_recorded_event_attributes
                if json.loads(marker.details["data"].payloads[0].data)["attempt"] > 1:
                    yield "activities that needed another attempt"


async def published(settings: Settings) -> tuple[int, set[str]]:
    """How many messages the stream has, and the event ids they carry."""
    client = await open_client(login_of(settings, READER))
    stream = client.jetstream()
    count = (await stream.stream_info(STREAM)).state.messages
    config = ConsumerConfig(
        name=f"inspection-{uuid4().hex}", deliver_policy=DeliverPolicy.ALL, headers_only=True
    )
    reader = await stream.subscribe("mmo.>", ordered_consumer=True, config=config)
    ids: set[str] = set()
    for _ in range(count):
        message = await reader.next_msg(timeout=10)
        ids.add(str(event_id_of(message.headers)))
    await client.close()
    return count, ids


def event_ids(admin: str) -> set[str]:
    """The ids of every event in the store."""
    with psycopg.connect(admin) as connection:
        return {str(i) for (i,) in connection.execute("SELECT id FROM messaging.event")}
