"""Movements a second through HTTP, in turns with no-op workflows through the same front."""

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from benchmarks.people import People
from benchmarks.stack import MEASURED, Stack, ask

MOVEMENT, NOOP, BARE = "movement", "no-op, same front", "no-op, bare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measurement: rates by second, latencies in ms, CPU in ms for each answer."""

    what: str
    callers: int
    rate: float
    p50_ms: float
    p99_ms: float
    count: int
    cpu_ms: dict[str, float] = field(default_factory=dict[str, float])


def transfers(people: People) -> list[dict[str, Any]]:
    """Transfers between customers, each asked for by the one who pays."""
    once, chance = uuid.uuid4().hex[:12], random.Random(7)
    found: list[dict[str, Any]] = []
    for number in range(4 * len(people.customers)):
        payer = people.customers[number % len(people.customers)]
        payee = chance.choice([one for one in people.customers if one is not payer])
        found.append(
            {
                "method": "POST",
                "path": "/v1/movements/p2p-transfer",
                "headers": people.headers(payer.subject, f"{once}-{{n}}"),
                "body": {
                    "sender": payer.wallet,
                    "recipient": payee.wallet,
                    "amount": {"value": "1.00", "currency": "KES"},
                },
            }
        )
    return found


def noops(people: People) -> list[dict[str, Any]]:
    """The yardstick, asked for with the same tokens."""
    return [
        {"method": "POST", "path": "/bench/noop", "headers": people.headers(one.subject)}
        for one in people.customers
    ]


async def measure(
    stack: Stack, what: str, callers: int, seconds: float, requests: list[dict[str, Any]],
    good: str = "201",
) -> Run:  # fmt: skip
    """Put one load on the front; every answer must be a good one."""
    before = stack.cpu()
    plan = {"port": stack.port, "callers": callers, "seconds": seconds, "requests": requests}
    told = await ask("benchmarks.load", plan)
    assert set(told["statuses"]) == {good}, told["statuses"]
    return _run(what, callers, told, before, stack.cpu())


async def measure_bare(stack: Stack, callers: int, seconds: float) -> Run:
    """No-op workflows without front and HTTP; `front` is then the process of the load itself."""
    before = stack.cpu()
    plan = {"address": stack.plan.temporal_address, "namespace": "mmo-demo",
            "callers": callers, "seconds": seconds}  # fmt: skip
    told = await ask("benchmarks.bare", plan)
    after = stack.cpu()
    after["front"] = before["front"] + told["cpu_s"]
    return _run(BARE, callers, told, before, after)


def _run(
    what: str, callers: int, told: dict[str, Any], before: dict[str, float], after: dict[str, float]
) -> Run:
    # The warm-up's answers cost CPU too, and are not counted: the rate tells how many they were.
    answered = told["rate"] * (told["seconds"] + told["warm_up_s"])
    cpu = {name: round((after[name] - before[name]) / answered * 1e3, 2) for name in MEASURED}
    return Run(
        what=what,
        callers=callers,
        rate=told["rate"],
        p50_ms=told["p50_ms"],
        p99_ms=told["p99_ms"],
        count=told["count"],
        cpu_ms=cpu,
    )


async def rounds(
    stack: Stack, people: People, callers: list[int], seconds: float, number: int
) -> list[list[Run]]:
    """Measure in turns: a machine is rarely alone, and all loads shall meet the same neighbours."""
    found: list[list[Run]] = []
    for _ in range(number):
        one: list[Run] = []
        for many in callers:
            one += [
                await measure(stack, NOOP, many, seconds, noops(people)),
                await measure(stack, MOVEMENT, many, seconds, transfers(people)),
                await measure_bare(stack, many, seconds),
            ]
        found.append(one)
    return found
