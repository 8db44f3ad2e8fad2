"""Reactions: started once from the feed, asked once, and carried out by whoever does their kind."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import RetryPolicy

from activities.reactions import Asked, Occasion, ReactionActivities
from mmo.bep.processor import Effect, Requested
from tests.e2e.ruling import rule
from tests.mmo.moving import passed, rows
from tests.servers.postgres import Database
from tests.workflows.house import CLERK, TENANT, House
from workers import reacting
from workers.reacting import Reacting
from workers.reactions import reactions_worker
from workers.reactor import Reactor, reaction_id
from workers.wiring import TenantClients
from workflows.processes import reaction

HOOK = {"endpoint": "0192f0aa-0000-7000-8000-000000000001", "fields": ["parties"]}


class Failing(Reacting):
    """Fails as often as it is told to, and then works."""

    failures = 0

    async def react(self, occasion: Occasion) -> list[Asked]:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")
        return await super().react(occasion)


@asynccontextmanager
async def working(opened: House, failures: int = 0) -> AsyncGenerator[None]:
    steps = Failing(opened.pool, lambda: None)
    steps.failures = failures
    async with reactions_worker(opened.client, ReactionActivities(steps)):
        yield


@pytest.fixture
def books(database: Database):
    with psycopg.connect(database.admin, autocommit=True) as connection:
        yield connection


@pytest.fixture
def clients_of(opened: House) -> TenantClients:
    async def client(_: Any) -> Client:
        return opened.client

    return cast("TenantClients", client)


async def freeze(opened: House, name: str = "alice") -> str:
    """Freeze a wallet; the id of the event."""
    await opened.changes.freeze(TENANT.id, opened.identifier(name), CLERK)
    await passed(opened.pool)
    ((identifier,),) = await rows(
        opened.pool, "SELECT id::text FROM messaging.event WHERE type = 'mmo.wallet.frozen.v1'"
    )
    return identifier


async def all_rounds(reactor: Reactor) -> None:
    while await reactor.round():
        pass


async def asked_for(opened: House) -> list[tuple[Any, ...]]:
    return await rows(
        opened.pool, "SELECT type, data FROM messaging.event WHERE aggregate = 'reaction'"
    )


async def forget(opened: House) -> None:
    """As if the reactor had died before it remembered how far it had come."""
    async with opened.pool.connection() as connection:
        await connection.execute("UPDATE messaging.cursor SET xid = 0 WHERE consumer = 'reactor'")


def occasion(event: str, definition: str) -> Occasion:
    return Occasion(
        tenant=TENANT.slug, tenant_id=TENANT.id, event=event, definition=definition, version=1
    )


async def finished(opened: House, event: str, definition: str) -> Any:
    handle = opened.client.get_workflow_handle(reaction_id(occasion(event, definition)))
    return await handle.result()


async def test_a_reaction_is_asked_once_however_often_its_page_is_read(
    opened: House, clients_of: TenantClients, books: psycopg.Connection
) -> None:
    with rule(books, "wallet.freeze", "webhook", HOOK) as definition:
        event = await freeze(opened)
        for _ in range(3):
            await all_rounds(Reactor(opened.pool, clients_of))
            await forget(opened)
        async with working(opened):
            assert await finished(opened, event, definition) == ["webhook"]
        await all_rounds(Reactor(opened.pool, clients_of))
        again = await Reacting(opened.pool, lambda: None).react(occasion(event, definition))

    ((kind, data),) = await asked_for(opened)
    assert kind == "mmo.webhook.requested.v1"
    assert data["caused_by"] == {
        "event": event, "type": "mmo.wallet.frozen.v1", "definition": definition, "version": 1,
    }  # fmt: skip
    assert data["data"]["payload"]["parties"] == {"wallet": str(opened.identifier("alice"))}
    assert [one.kind for one in again] == ["webhook"]


async def test_an_event_that_no_rule_is_about_starts_nothing(
    opened: House, clients_of: TenantClients, books: psycopg.Connection
) -> None:
    with rule(books, "wallet.close", "webhook", HOOK) as definition:
        event = await freeze(opened)
        await all_rounds(Reactor(opened.pool, clients_of))
        handle = opened.client.get_workflow_handle(reaction_id(occasion(event, definition)))
        with pytest.raises(Exception, match="not found"):
            await handle.describe()


async def test_a_shadow_rule_is_asked_and_never_carried_out(
    opened: House, clients_of: TenantClients, books: psycopg.Connection
) -> None:
    with rule(books, "wallet.freeze", "webhook", HOOK, state="shadow") as definition:
        event = await freeze(opened)
        await all_rounds(Reactor(opened.pool, clients_of))
        async with working(opened):
            await finished(opened, event, definition)

    ((kind, _),) = await asked_for(opened)
    assert kind == "mmo.webhook.considered.v1"


async def test_a_reaction_that_fails_is_tried_again_and_its_history_tells(
    opened: House,
    clients_of: TenantClients,
    books: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = RetryPolicy(initial_interval=timedelta(milliseconds=50))
    monkeypatch.setattr(reaction, "UNTIL_IT_WORKS_LATER", soon)
    with rule(books, "wallet.freeze", "webhook", HOOK) as definition:
        event = await freeze(opened)
        await all_rounds(Reactor(opened.pool, clients_of))
        async with working(opened, failures=2):
            assert await finished(opened, event, definition) == ["webhook"]
        handle = opened.client.get_workflow_handle(reaction_id(occasion(event, definition)))
        started = [
            one.activity_task_started_event_attributes
            async for one in handle.fetch_history_events()
            if one.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
        ]

    assert [one.attempt for one in started] == [3]
    assert "the database is away" in started[0].last_failure.message
    assert len(await asked_for(opened)) == 1


class Cashback(Effect):
    """An effect of a plug-in's own, which fails once."""

    kind = "webhook"

    def __init__(self) -> None:
        self.seen: list[Requested] = []

    async def carry_out(self, requested: Requested) -> None:
        self.seen.append(requested)
        if len(self.seen) == 1:
            raise ConnectionError("not yet")


async def test_a_plug_ins_effect_is_carried_out_until_it_works(
    opened: House,
    clients_of: TenantClients,
    books: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    effect = Cashback()
    found: Mapping[str, Effect] = {"webhook": effect}
    monkeypatch.setattr(reacting, "effects", lambda: found)
    soon = RetryPolicy(initial_interval=timedelta(milliseconds=50))
    monkeypatch.setattr(reaction, "UNTIL_IT_WORKS_LATER", soon)
    with rule(books, "wallet.freeze", "webhook", HOOK) as definition:
        event = await freeze(opened)
        await all_rounds(Reactor(opened.pool, clients_of))
        async with working(opened):
            await finished(opened, event, definition)

    first, second = effect.seen
    assert first == second
    assert first.caused_by["event"] == event
    assert first.tenant == TENANT.slug


async def test_a_reaction_is_no_event_that_rules_react_to(
    opened: House, clients_of: TenantClients, books: psycopg.Connection
) -> None:
    with rule(books, "wallet.freeze", "webhook", HOOK) as definition:
        event = await freeze(opened)
        await all_rounds(Reactor(opened.pool, clients_of))
        async with working(opened):
            await finished(opened, event, definition)
        await passed(opened.pool)
        await all_rounds(Reactor(opened.pool, clients_of))

    assert len(await asked_for(opened)) == 1
