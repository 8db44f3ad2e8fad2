"""Sending messages: once, in time, over a real SMPP session, and what becomes of each is known."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from mmo.notifications import messages
from mmo.notifications.messages import Queued
from mmo.notifications.receipts import Receipt
from mmo.notifications.smpp import THROTTLED
from tests.mmo.moving import NO_TEMPORAL, rows
from tests.servers.postgres import Database
from tests.workers.sms_office import Post, centre
from tests.workflows.house import TENANT, House, house
from workers import sms_sender
from workers.sms_sender import fold_receipt
from workers.smsc import Answer
from workers.stack.processes import free_port
from workers.wiring import open_pool

REFUSED = 0x0B
"""ESME_RINVDSTADR."""


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with house(database.settings("mmo_background"), NO_TEMPORAL, tmp_path) as started:
        yield started


@pytest.fixture
async def office(opened: House, database: Database) -> AsyncGenerator[Post]:
    async with open_pool(database.settings("mmo_effects")) as pool:
        yield Post(opened, pool, free_port())


async def test_a_message_arrives_once_and_its_receipt_is_kept(office: Post) -> None:
    async with centre(office.port) as simulator, office.sender() as sender:
        asked = await office.ask("{{currency}} {{amount}} is yours")
        await office.ask("{{currency}} {{amount}} is yours", identifier=asked)
        await sender.round()
        await office.until(asked, "delivered")
        await sender.round()

    (message,) = simulator.messages
    assert message["text"] == "KES 1,234.50 is yours"
    assert message["to"] == office.opened.numbers[str(office.opened.identifier("alice"))]
    assert message["from"] == "MMO"
    assert await rows(
        office.pool, "SELECT text FROM notifications.message WHERE text NOT LIKE 'enc:v1:%%'"
    ) == []  # fmt: skip


async def test_receipts_of_all_parts_at_once_deliver_the_message(office: Post) -> None:
    for round_ in range(20):
        asked = await office.ask("hello")
        queued = Queued(tenant_id=TENANT.id, id=asked, wallet=uuid4(), text="", tries=0)
        parts = [f"{round_}-{part}" for part in range(4)]
        async with office.pool.connection() as connection:
            await messages.sent(connection, queued, parts, route="r", sender="MMO", msisdn="")

        receipts = [Receipt(ids=(part,), state="delivered", word="DELIVRD") for part in parts]
        await asyncio.gather(*(fold_receipt(office.pool, "r", one) for one in receipts))

        assert (await office.state(asked))[0] == "delivered"


@pytest.mark.parametrize(("text", "coding"), [("a€" * 150, "gsm-7"), ("habari 😀 " * 20, "ucs-2")])
async def test_a_long_message_is_put_together_again(office: Post, text: str, coding: str) -> None:
    async with centre(office.port) as simulator, office.sender() as sender:
        asked = await office.ask(text)
        await sender.round()
        await office.until(asked, "delivered")

    (message,) = simulator.messages
    assert message["text"] == text
    assert message["coding"] == coding
    assert message["parts"] == simulator.submitted > 1


async def test_a_centre_with_too_much_to_do_is_asked_again(
    office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms_sender, "RETRY_FIRST_S", 0.05)
    answers: list[int | str] = [THROTTLED, THROTTLED, "DELIVRD"]
    async with (
        centre(office.port, lambda _: answers.pop(0)) as simulator,
        office.sender() as sender,
    ):
        asked = await office.ask("hello")
        for _ in range(3):
            await sender.round()
            await asyncio.sleep(0.3)
        _, _, tries = await office.until(asked, "delivered")

    assert simulator.submitted == 3
    assert tries == 3


FAILURES: list[tuple[Callable[[Any], int | str], str]] = [
    (lambda _: "UNDELIV", "UNDELIV"),
    (lambda _: "EXPIRED", "EXPIRED"),
    (lambda _: REFUSED, "0x0000000b"),
]


@pytest.mark.parametrize(("answer", "why"), FAILURES)
async def test_what_cannot_be_delivered_is_failed_for_a_reason(
    office: Post, answer: Answer, why: str
) -> None:
    async with centre(office.port, answer), office.sender() as sender:
        asked = await office.ask("hello")
        await sender.round()
        _, reason, _ = await office.until(asked, "failed")

    assert why in reason


async def test_a_message_waits_while_the_centre_is_away(
    office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms_sender, "RETRY_FIRST_S", 0.05)
    asked = await office.ask("hello")
    async with office.sender() as sender:
        await sender.round()
        state, reason, _ = await office.state(asked)
        assert state == "queued"
        assert reason
        await asyncio.sleep(0.2)
        async with centre(office.port):
            await sender.round()
            await office.until(asked, "delivered")


async def test_one_key_is_sent_once_a_day(office: Post) -> None:
    async with centre(office.port) as simulator, office.sender() as sender:
        asked = await asyncio.gather(
            *(office.ask("hello", dedupe="{{reference}}") for _ in range(5)),
            office.ask("hello", dedupe="{{reference}}", reference="R2"),
        )
        await sender.round()

    assert len(asked) == 6
    assert len(simulator.messages) == 2


async def test_nobody_is_disturbed_in_quiet_hours(office: Post) -> None:
    async with centre(office.port) as simulator, office.sender() as sender:
        asked = await office.ask("hello", quiet={"begin": "00:00", "end": "23:59"})
        await sender.round()
        state, _, tries = await office.state(asked)

    assert simulator.messages == []
    assert (state, tries) == ("queued", 0)
