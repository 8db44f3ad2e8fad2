"""Receipts of the SMS centre: each changes its own message, however and whenever it is written."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import smpp34

from mmo.notifications import messages, parts
from mmo.notifications.messages import Queued
from mmo.notifications.receipts import MESSAGE_STATE, RECEIPTED_ID, Receipt
from tests.measured import measured
from tests.mmo.moving import NO_TEMPORAL, rows
from tests.servers.postgres import Database
from tests.workers.sms_office import Post, centre
from tests.workflows.house import TENANT, House, house
from workers import sms_sender
from workers.sms_sender import fold_receipt
from workers.smsc import CentreReceipt, Manner
from workers.stack.processes import free_port
from workers.wiring import open_pool


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    async with house(database.settings("mmo_background"), NO_TEMPORAL, tmp_path) as started:
        yield started


@pytest.fixture
async def office(opened: House, database: Database) -> AsyncGenerator[Post]:
    async with open_pool(database.settings("mmo_effects")) as pool:
        yield Post(opened, pool, free_port())


FIRST = 0x1A2B3C00


def hexadecimal_then_decimal(number: int, state: str) -> tuple[str, list[CentreReceipt]]:
    return f"{FIRST + number:X}", [CentreReceipt(f"id:{FIRST + number:012} stat:{state}".encode())]


def decimal_then_hexadecimal(number: int, state: str) -> tuple[str, list[CentreReceipt]]:
    return f"{FIRST + number:010}", [CentreReceipt(f"id:{FIRST + number:x} stat:{state}".encode())]


def by_parameters_alone(number: int, _: str) -> tuple[str, list[CentreReceipt]]:
    tlvs = [smpp34.Tlv(RECEIPTED_ID, f"MC-{number}\0".encode()), smpp34.Tlv(MESSAGE_STATE, b"\2")]
    return f"mc-{number}", [CentreReceipt(b"", tlvs=tlvs)]


def step_by_step(number: int, state: str) -> tuple[str, list[CentreReceipt]]:
    words = ("ACCEPTD", "ENROUTE", state, "ENROUTE", "ACCEPTD")
    return str(number), [CentreReceipt(f"id:{number} stat:{word}".encode()) for word in words]


def first_under_way(number: int, state: str) -> tuple[str, list[CentreReceipt]]:
    under_way = CentreReceipt(f"id:{number} stat:UNDELIV".encode(), esm_class=0x20)
    return str(number), [under_way, CentreReceipt(f"id:{number} stat:{state}".encode())]


@pytest.mark.parametrize(
    "manner",
    [
        hexadecimal_then_decimal, decimal_then_hexadecimal, by_parameters_alone, step_by_step,
        first_under_way,
    ],
)  # fmt: skip
async def test_a_message_is_delivered_however_the_centre_writes_its_receipts(
    office: Post, manner: Manner
) -> None:
    async with centre(office.port, manner=manner), office.sender() as sender:
        asked = await office.ask("a€" * 150)
        await sender.round()
        state, reason, _ = await office.until(asked, "delivered")

    assert (state, reason) == ("delivered", "")


@pytest.mark.parametrize("state", ["ENROUTE", "ACCEPTD", "UNKNOWN"])
async def test_a_message_under_way_stays_open(office: Post, state: str) -> None:
    async with centre(office.port, lambda _: state), office.sender() as sender:
        before = measured("mmo_sms_total", outcome="under_way")
        asked = await office.ask("hello")
        await sender.round()
        for _ in range(100):
            if measured("mmo_sms_total", outcome="under_way") > before:
                break
            await asyncio.sleep(0.05)

    assert measured("mmo_sms_total", outcome="under_way") > before
    assert (await office.state(asked))[0] == "sent"


async def test_a_receipt_changes_nothing_of_another_route_tenant_number_or_time(
    office: Post, database: Database
) -> None:
    """The same id is given by every centre, and by one centre again some day."""
    delivered = Receipt(ids=("77",), state="delivered", word="DELIVRD", sender="MMO",
                        tails=frozenset({"0042"}))  # fmt: skip
    asked = [await office.ask(f"hello {number}") for number in range(4)]
    routes = ["mmo@here:2775", "mmo@elsewhere:2775", "mmo@here:2775", "mmo@here:2775"]
    numbers = ["+254700000042", "+254700000042", "+254700009999", "+254700000042"]
    for identifier, route, msisdn in zip(asked, routes, numbers, strict=True):
        queued = Queued(tenant_id=TENANT.id, id=identifier, wallet=uuid4(), text="", tries=0)
        async with office.pool.connection() as connection:
            await messages.sent(
                connection, queued, ["77"], route=route, sender="MMO", msisdn=msisdn
            )
    async with await psycopg.AsyncConnection.connect(database.admin) as connection:
        await connection.execute(
            "UPDATE notifications.part SET sent_at = now() - %s WHERE message_id = %s",
            [parts.AGE_MAX, asked[3]],
        )

    await fold_receipt(office.pool, "mmo@here:2775", delivered)

    states = [(await office.state(one))[0] for one in asked]
    assert states == ["delivered", "sent", "sent", "sent"]


async def test_a_receipt_that_two_tenants_may_mean_changes_neither(
    office: Post, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms_sender, "RECEIPT_LOOKS_MAX", 1)
    asked = await office.ask("hello")
    queued = Queued(tenant_id=TENANT.id, id=asked, wallet=uuid4(), text="", tries=0)
    async with office.pool.connection() as connection:
        await messages.sent(connection, queued, ["77"], route="r", sender="MMO", msisdn="")
    async with await psycopg.AsyncConnection.connect(database.admin) as connection:
        await connection.execute(
            """INSERT INTO tenancy.tenant (id, slug, name, timezone, currencies, country)
               VALUES (77, 'other', 'Other', 'UTC', '{KES}', 'KE')"""
        )
        for table, columns in COPIED.items():
            await connection.execute(
                f"""INSERT INTO notifications.{table} (tenant_id, {columns})
                    SELECT 77, {columns} FROM notifications.{table}""".encode()
            )

    receipt = Receipt(ids=("77",), state="delivered", word="DELIVRD", sender="MMO")
    await fold_receipt(office.pool, "r", receipt)

    states = await rows(office.opened.pool, "SELECT DISTINCT state FROM notifications.part")
    assert states == [("sent",)]


COPIED = {
    "message": "id, wallet, definition, text, coding, segments, state, due_at",
    "part": "message_id, number, centre_id, route, sender, number_tail, exact, as_decimal",
}
