"""Webhooks are sent as Standard Webhooks asks: no longer to who is gone, later to who is busy."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg_pool import AsyncConnectionPool

from mmo.keys.envelope import Envelope
from mmo.notifications import webhooks
from mmo.notifications.backoff import SCATTER, backoff_s, retry_after_s
from mmo.settings import Settings
from tests.mmo.moving import NO_TEMPORAL, rows
from tests.servers.postgres import Database
from tests.servers.webhook_receiver import receiver
from tests.workers.webhook_endpoint import active_endpoint
from tests.workflows.house import TENANT, House, house
from workers.webhook_sender import RETRY_LAST_S, Sender
from workers.wiring import open_pool

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass
class Post:
    """The sender, with the rights of its role, and what a test asks of it."""

    opened: House
    pool: AsyncConnectionPool[Any]
    settings: Settings

    async def queue(self, endpoint: UUID, count: int = 1) -> list[UUID]:
        queued = [uuid4() for _ in range(count)]
        async with self.pool.connection() as connection:
            for identifier in queued:
                await webhooks.deliver(connection, TENANT.id, identifier, endpoint, "{}")
        return queued

    async def send(self, rounds: int = 8) -> None:
        """Go through so many rounds, each to its end."""
        sender = Sender(self.pool, Envelope(self.opened.keys), self.settings)
        for _ in range(rounds):
            await sender.round()
            while sender.busy:  # noqa: ASYNC110 - tries that are under way
                await asyncio.sleep(0.02)
        await sender.close()

    async def deliveries(self) -> list[tuple[Any, ...]]:
        return await rows(
            self.pool,
            """SELECT state, tries, said, extract(epoch FROM due_at - now())::float8
                 FROM notifications.delivery ORDER BY created_at, id""",
        )

    async def endpoint(self) -> tuple[Any, ...]:
        (found,) = await rows(
            self.pool,
            """SELECT state, disabled_because, extract(epoch FROM rests_until - now())::float8
                 FROM notifications.endpoint""",
        )
        return found


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    settings = database.settings("mmo_background")
    async with house(settings, NO_TEMPORAL, tmp_path / "keys") as started:
        yield started


@pytest.fixture
async def office(opened: House, database: Database) -> AsyncGenerator[Post]:
    settings = database.settings("mmo_effects", webhook_loopback=True, webhook_retry_s=100)
    async with open_pool(settings) as pool:
        yield Post(opened, pool, settings)


async def test_an_endpoint_that_is_gone_is_disabled_and_its_queue_is_not_tried(
    office: Post,
) -> None:
    async with receiver(410) as program:
        endpoint = await active_endpoint(office.opened, program.url)
        await office.queue(endpoint, 5)
        await office.send()
        heard = len(program.heard)
        late = await office.queue(endpoint)
        await office.send()

    assert late
    assert (heard, len(program.heard)) == (1, 1)
    assert (await office.endpoint())[:2] == ("disabled", "gone")
    found = await office.deliveries()
    assert [state for state, *_ in found] == ["dead"] * 6
    assert [said for _, _, said, _ in found].count(webhooks.DISABLED) == 5


async def test_an_endpoint_that_staff_disable_is_tried_no_more(
    office: Post,
) -> None:
    async with receiver(500) as program:
        endpoint = await active_endpoint(office.opened, program.url)
        await office.queue(endpoint, 3)
        async with office.opened.pool.connection() as connection:
            await webhooks.disable(connection, TENANT.id, endpoint, "asked")
        await office.send()

    assert program.heard == []
    assert {(state, tries) for state, tries, *_ in await office.deliveries()} == {("dead", 0)}


IN_TWO_HOURS = timedelta(hours=2)

ANSWERS: list[tuple[int, Callable[[], Mapping[str, str]], float]] = [
    (503, lambda: {"Retry-After": "1800"}, 1800),
    (429, lambda: {"retry-after": "1800"}, 1800),
    (503, lambda: {"Retry-After": format_datetime(datetime.now(UTC) + IN_TWO_HOURS)}, 7200),
    (503, lambda: {"Retry-After": "99999999999999"}, RETRY_LAST_S),
    (503, lambda: {"Retry-After": "1"}, 100),
    (503, lambda: {"Retry-After": "soon"}, 100),
    (503, dict, 100),
]


@pytest.mark.parametrize(("status", "headers", "wait_s"), ANSWERS)
async def test_a_receiver_that_asks_for_time_is_given_it_within_bounds(
    office: Post, status: int, headers: Callable[[], Mapping[str, str]], wait_s: float
) -> None:
    async with receiver(status, headers()) as program:
        endpoint = await active_endpoint(office.opened, program.url)
        await office.queue(endpoint)
        await office.send(1)

    ((state, tries, _, due_s),) = await office.deliveries()
    assert (state, tries) == ("queued", 1)
    assert wait_s * (1 - SCATTER) - 10 <= due_s <= wait_s * (1 + SCATTER)


async def test_an_endpoint_that_asks_for_time_is_left_alone_with_all_that_waits(
    office: Post,
) -> None:
    async with receiver(429, {"Retry-After": "600"}) as busy, receiver() as fine:
        await active_endpoint(office.opened, busy.url)
        ((endpoint,),) = await rows(office.pool, "SELECT id FROM notifications.endpoint")
        other = await active_endpoint(office.opened, fine.url)
        await office.queue(endpoint, 4)
        await office.queue(other, 4)
        await office.send()

    assert (len(busy.heard), len(fine.heard)) == (1, 4)


async def test_a_receiver_that_takes_a_message_may_say_what_it_likes(office: Post) -> None:
    async with receiver(200, {"Retry-After": "600"}) as program:
        endpoint = await active_endpoint(office.opened, program.url)
        await office.queue(endpoint, 3)
        await office.send()

    assert len(program.heard) == 3


def test_what_failed_together_comes_apart() -> None:
    waits = [backoff_s(3, first_s=10, last_s=3600) for _ in range(200)]

    assert len(set(waits)) > 190
    assert min(waits) >= 80 * (1 - SCATTER)
    assert max(waits) <= 80 * (1 + SCATTER)
    assert backoff_s(10**6, first_s=10, last_s=3600) == 3600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("9" * 400, 999999999999),
        ("Tue, 01 Dec 2026 12:02:00 GMT", 120),
        ("Tue, 01 Dec 2026 11:00:00 GMT", 0),
        ("Tue, 01 Dec 2026 12:02:00 -0000", 120),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("Tue, 99 Dec 2026 12:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds
