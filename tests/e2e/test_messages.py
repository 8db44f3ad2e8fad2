"""Short messages after an event: written by rule, sent over SMPP, and what the receipt said."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg

from tests.e2e.operator import Operator
from tests.e2e.ruling import give_product, rule
from tests.e2e.town import Town

T = TypeVar("T")
PATIENCE = 900


async def until(
    look: Callable[[], T | None] | Callable[[], Awaitable[T | None]],
    why: Callable[[], object] = str,
) -> T:
    """Wait until there is something to see; `why`: how far it came, for who waits in vain."""
    for _ in range(PATIENCE):
        found: Any = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"nothing came: {why()}")


def come_to(books: psycopg.Connection, definition: str) -> dict[str, Any]:
    """How far the chain from an event to a message has come."""
    asked = """SELECT type, data -> 'data' ->> 'wallet', occurred_at FROM messaging.event
                WHERE aggregate = 'reaction' AND data -> 'caused_by' ->> 'definition' = %s"""
    told = "SELECT state, tries, due_at, reason FROM notifications.message WHERE definition = %s"
    return {
        "readers": books.execute("SELECT * FROM messaging.lags(1000)").fetchall(),
        "asked": books.execute(asked, [definition]).fetchall(),
        "messages": books.execute(told, [definition]).fetchall(),
    }


def received(operator: Operator, number: str) -> list[dict[str, Any]]:
    """What the centre was sent for that number."""
    if not operator.sms.exists():
        return []
    lines = operator.sms.read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["to"] == number]


async def test_who_is_paid_is_told_by_sms_and_the_receipt_is_kept(
    stack: Operator, demo: Town, books: psycopg.Connection
) -> None:
    product = 1000 + secrets.randbelow(10**6)
    alice, bob = await demo.customer("500"), await demo.customer()
    give_product(books, alice.wallet, product)
    told = {
        "templates": {"en": "You have received {{currency}} {{amount}} from a {{counterparty}}."},
        "recipient": "payee",
        "filters": {"minMinor": 1000},
    }
    with rule(books, "wallet.transfer", "sms", told, product=product) as definition:
        small = await alice.sends("9.99", bob)
        large = await alice.sends("250", bob)
        assert {small.status_code, large.status_code} == {201}, large.text
        number = bob.alias.removeprefix("msisdn:")
        (message,) = await until(
            lambda: received(stack, number), lambda: come_to(books, definition)
        )

        def kept() -> list[Any] | None:
            rows = books.execute(
                "SELECT state, text, segments FROM notifications.message WHERE definition = %s",
                [definition],
            ).fetchall()
            return rows if rows and rows[0][0] == "delivered" else None

        ((_, text, segments),) = await until(kept, lambda: come_to(books, definition))

    assert message["text"] == "You have received KES 250.00 from a customer."
    assert text.startswith("enc:v1:")
    assert segments == 1
