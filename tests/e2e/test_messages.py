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
PATIENCE = 300


async def until(look: Callable[[], T | None] | Callable[[], Awaitable[T | None]]) -> T:
    """Wait until there is something to see."""
    for _ in range(PATIENCE):
        found: Any = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("nothing came")


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
        (message,) = await until(lambda: received(stack, number))

        def kept() -> list[Any] | None:
            rows = books.execute(
                "SELECT state, text, segments FROM notifications.message WHERE definition = %s",
                [definition],
            ).fetchall()
            return rows if rows and rows[0][0] == "delivered" else None

        ((_, text, segments),) = await until(kept)

    assert message["text"] == "You have received KES 250.00 from a customer."
    assert text.startswith("enc:v1:")
    assert segments == 1
