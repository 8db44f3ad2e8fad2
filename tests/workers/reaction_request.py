"""What a rule's reaction asks for, as an event: in the feed, and as the broker tells it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg_pool import AsyncConnectionPool

from mmo.messaging.broker import RELAY, login_of
from mmo.messaging.event import Event
from mmo.messaging.nats import NatsBroker
from mmo.messaging.postgres import append
from mmo.settings import Settings
from tests.workflows.house import TENANT

DEFINITION = "0192f0aa-0000-7000-8000-000000000001"


def reaction_request(kind: str, data: dict[str, Any], identifier: UUID | None = None) -> Event:
    """The event by which a reaction is asked for."""
    identifier = identifier or uuid4()
    return Event(
        tenant_id=TENANT.id, id=identifier, aggregate="reaction", aggregate_id=identifier,
        version=1, type=f"mmo.{kind}.requested.v1", actor="clerk", occurred_at=datetime.now(UTC),
        data={"kind": kind, "data": data, "caused_by": {"definition": DEFINITION}},
    )  # fmt: skip


def sms_data(wallet: UUID, text: str = "hello", **more: Any) -> dict[str, Any]:
    """What a short message to a wallet's owner takes."""
    return {
        "templates": {"en": text}, "quiet_hours": None, "dedupe_key": None, "wallet": str(wallet),
        "amount_minor": None, "currency": "", "at": "2026-11-24T10:00:00+00:00", **more,
    }  # fmt: skip


async def store(pool: AsyncConnectionPool[Any], *events: Event) -> None:
    """Append to the feed, as the worker of the queue `reactions` does."""
    async with pool.connection() as connection:
        await append(connection, events)


async def store_once(pool: AsyncConnectionPool[Any], event: Event) -> None:
    """The same for one that may be there already."""
    try:
        await store(pool, event)
    except psycopg.errors.UniqueViolation:
        return


async def publish(settings: Settings, *events: Event) -> None:
    """Put messages into the stream, as the relay does, or whoever has its password."""
    broker = NatsBroker(login_of(settings, RELAY))
    await broker.publish([(TENANT.slug, event) for event in events])
    await broker.close()
