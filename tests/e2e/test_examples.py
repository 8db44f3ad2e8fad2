"""The examples do what they say."""

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path

import httpx

from examples.send_money import balance, send
from examples.subscriber import Seen, line, subscriber
from mmo.messaging.broker import READER
from mmo.messaging.cloud_event import CloudEvent
from mmo.movements.support.published import MovementEvent
from tests.e2e.operator import Operator
from tests.e2e.town import Town

EXAMPLES = Path(__file__).parents[2] / "examples"


async def test_money_is_sent_once_however_often_it_is_sent(stack: Operator, demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    headers = {"Authorization": f"Bearer {alice.person.token}"}
    key = uuid.uuid4().hex

    def pay(value: str, key: str) -> tuple[str, str | None, str]:
        with httpx.Client(base_url=stack.url, headers=headers, timeout=15) as client:
            sent = send(
                client,
                sender=alice.wallet,
                recipient=bob.alias,
                value=value,
                currency="KES",
                key=key,
            )
            return sent.movement, sent.refusal, balance(client, alice.wallet, sent)

    first = await asyncio.to_thread(pay, "4", key)
    again = await asyncio.to_thread(pay, "4", key)
    refused = await asyncio.to_thread(pay, "400", uuid.uuid4().hex)

    assert first == again
    assert first[1:] == (None, "6.00")
    assert refused[1:] == ("insufficient_funds", "6.00")


async def test_it_is_a_program_too(stack: Operator, demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, EXAMPLES / "send_money.py", alice.alias, bob.alias, "2.50"],
        env={**os.environ, "MMO_URL": stack.url, "MMO_TOKEN": alice.person.token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "posted" in ended.stdout
    assert "available: 7.50" in ended.stdout


async def test_a_subscriber_hears_of_every_movement_once_and_goes_on_where_it_stopped(
    stack: Operator, other: Town
) -> None:
    heard: list[CloudEvent[MovementEvent]] = []
    durable = f"test-{uuid.uuid4().hex[:8]}"
    carol, dan = await other.customer("10"), await other.customer()

    async def hears(movement: str) -> None:
        listening = subscriber(stack.nats.login(READER), "other", durable, heard.append)
        running = asyncio.create_task(listening.run())
        for _ in range(400):
            if any(str(event.data.movement) == movement for event in heard):
                break
            await asyncio.sleep(0.05)
        listening.exit()
        await running

    first = await carol.sends("1", dan)
    await hears(first.json()["id"])
    before = len(heard)
    second = await carol.sends("100", dan)
    await hears(second.json()["movement_id"])

    assert len({event.id for event in heard}) == len(heard) > before
    told = {str(event.data.movement): event for event in heard}
    sent, refused = told[first.json()["id"]], told[second.json()["movement_id"]]
    assert (sent.type, sent.tenant, sent.data.state) == (
        "mmo.wallet.money-sent.v1",
        "other",
        "posted",
    )
    assert refused.data.refusal == "insufficient_funds"
    assert "KES 1.00: posted" in line(sent)
    assert "(insufficient_funds)" in line(refused)


def test_an_id_that_was_seen_is_not_new() -> None:
    seen, one = Seen(), uuid.uuid4()

    assert [seen.first_time(one), seen.first_time(one), seen.first_time(uuid.uuid4())] == [
        True,
        False,
        True,
    ]
