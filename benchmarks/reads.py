"""Reads a second: a balance, a balance that waits for its own writes, a movement by id."""

import uuid
from typing import Any

import httpx

from benchmarks.movements import Run, measure
from benchmarks.people import People
from benchmarks.stack import Stack


async def rounds(
    stack: Stack, people: People, callers: list[int], seconds: float, number: int
) -> list[list[Run]]:
    """Measure each kind of read, in turns."""
    kinds = await _kinds(stack, people)
    return [
        [
            await measure(stack, what, many, seconds, requests, good="200")
            for many in callers
            for what, requests in kinds.items()
        ]
        for _ in range(number)
    ]


async def _kinds(stack: Stack, people: People) -> dict[str, list[dict[str, Any]]]:
    movements, position = await _some_movements(stack, people)
    balances = [
        _get(f"/v1/wallets/{one.wallet}/balance", people.headers(one.subject))
        for one in people.customers
    ]
    own_writes = [
        {**one, "headers": {**one["headers"], "If-Projected": position}} for one in balances
    ]
    by_id = [_get(f"/v1/movements/{m}", people.headers("operator")) for m in movements]
    return {"balance": balances, "balance, If-Projected": own_writes, "movement by id": by_id}


async def _some_movements(stack: Stack, people: People) -> tuple[list[str], str]:
    """A transfer by each customer: the ids, and where the last of them stands in the feed."""
    found: list[str] = []
    position = "0"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.port}", timeout=30) as client:
        for payer, payee in zip(people.customers, people.customers[1:], strict=False):
            answer = await client.post(
                "/v1/movements/p2p-transfer",
                json={"sender": payer.wallet, "recipient": payee.wallet,
                      "amount": {"value": "1.00", "currency": "KES"}},
                headers=people.headers(payer.subject, uuid.uuid4().hex),
            )  # fmt: skip
            assert answer.status_code == 201, answer.text
            found.append(answer.json()["id"])
            position = answer.headers["Projection-Position"]
    return found, position


def _get(path: str, headers: dict[str, str]) -> dict[str, Any]:
    return {"method": "GET", "path": path, "headers": headers}
