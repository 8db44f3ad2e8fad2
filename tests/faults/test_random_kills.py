"""Processes are killed at random under load: each request has one outcome, and no cent is lost."""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.faults import inspection as found
from tests.faults.customers import Town
from tests.faults.stack import Stack, victims

pytestmark = pytest.mark.stack

CALLERS = 12
REQUEST_S = 20.0


@asynccontextmanager
async def town_of(stack: Stack, seed: int) -> AsyncIterator[Town]:
    limits = httpx.Limits(max_connections=2 * CALLERS)
    async with httpx.AsyncClient(base_url=stack.url, timeout=REQUEST_S, limits=limits) as http:
        town = Town(http=http, settings=stack.settings(), chance=random.Random(seed))
        await town.settle()
        yield town


async def kill(stack: Stack, town: Town, movements: int, names: list[str]) -> int:
    """Kill them one after the other, spread over the load; answer how many hit a request."""
    begun, hits = len(town.answers), 0
    for number, name in enumerate(names, 1):
        while len(town.answers) - begun < number * movements // (len(names) + 1):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        hits += town.in_flight > 0
        await stack.kill(name)
    return hits


async def drill(stack: Stack, movements: int, kills: int) -> Counter[str]:
    seed = random.SystemRandom().randrange(10**6)
    names = victims(kills, random.Random(seed))
    tally = Counter[str]()
    async with town_of(stack, seed) as town:
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(kill(stack, town, movements, names))
            tasks.create_task(town.live(movements, CALLERS))
        tally["seconds under load"] = round(time.monotonic() - began)
        tally["kills that hit a request"] = killing.result()
        tally["seconds until all was settled"] = round(await found.settled(stack.admin))
        tally |= town.tally
        await _prove(stack, town, tally)
    told = [f"kills {', '.join(names)} (seed {seed})"]
    told += [f"{what}: {number:,}" for what, number in tally.items()]
    sys.stdout.write("\n".join(["", f"{movements:,} movements under {kills} kills", *told, ""]))
    return tally


async def _prove(stack: Stack, town: Town, tally: Counter[str]) -> None:
    admin, settings = stack.admin, stack.settings()
    assert found.outcomes(admin) == dict.fromkeys(town.answers, (1, 1))
    assert await found.still_running(settings) == 0

    code, checks = await stack.told("verify")
    assert code == 0, [check for check in checks if check["violations"]]

    everybody = {name: town.model[name] for name in town.wallets}
    in_the_ledger = found.ledger_balances(admin)
    assert {name: in_the_ledger[w] for name, w in town.wallets.items()} == everybody
    assert await town.balances(str(max(town.positions()))) == everybody

    code, replayed = await stack.told("replay", "--all-since", "1h", patience_s=900)
    assert code == 0, [r for r in replayed if r["failure"] or r["differences"]]
    assert len(replayed) == len(town.answers)
    tally["movements replayed and equal"] = len(replayed)

    messages, ids = await found.published(settings)
    assert ids == found.event_ids(admin)
    tally |= {"messages in the stream": messages, "distinct events in it": len(ids)}

    code, rebuilt = await stack.told("projections", "rebuild", patience_s=300)
    assert code == 0, rebuilt
    tally["rows rebuilt and equal"] = sum(table["rows"] for table in rebuilt)

    tally |= await found.attempts(settings, admin)
    assert tally["kills that hit a request"] > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_ten_kills_lose_nothing(stack: Stack) -> None:
    tally = await drill(stack, movements=5_000, kills=10)

    # Of ten kills some cut answers off, so that callers repeat and workers take over.
    assert tally["answers lost"] > 0
    assert tally["replayed"] > 0
    assert tally["movements with repeated attempts"] > 0
