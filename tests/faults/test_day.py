"""A longer day, on a stack of its own: as it is, and with processes killed in the middle of it."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import pytest

from mmo.tenancy.tenant import Tenant
from tests.day import claims
from tests.day.life import Size, ended, lived, morning, told
from tests.day.street import Street
from tests.e2e.days import door, opened
from tests.e2e.operator import Operator, open_client
from tests.e2e.town import Town
from tests.faults.stack import Stack, stack_of
from tests.servers.hsm import Signer, signer_of
from workers.demo.people import SUPER
from workers.stack.build import build
from workers.stack.home import Home
from workers.stack.plan import ADMIN

pytestmark = [pytest.mark.stack, pytest.mark.long]

REQUEST_S = 40.0
MEDIUM = Size(streets=8, movements=2_500)
UNDER_KILLS = Size(streets=8, movements=625)
VICTIMS = ("front", "background", "postgres")
KILLS = 10
REPLAY_S = 7_200.0


@dataclass(frozen=True, slots=True)
class Signing:
    """All that a town needs of its operator: whoever signs its tokens."""

    signer: Signer


@asynccontextmanager
async def town_of(stack: Stack) -> AsyncIterator[tuple[Operator, httpx.AsyncClient, Tenant]]:
    """A tenant that was opened for the day, and the way in."""
    admin = stack.settings(ADMIN)
    await open_client(admin, SUPER.id)
    limits = httpx.Limits(max_connections=50)
    with signer_of(stack.home.path) as signer:
        signing = cast("Operator", Signing(signer))
        async with httpx.AsyncClient(base_url=stack.url, timeout=REQUEST_S, limits=limits) as http:
            above = Town(signing, http, SUPER.slug)
            yield signing, http, await opened(above, admin, stack.admin)


async def killing(stack: Stack, streets: Sequence[Street], outcomes: int, names: list[str]) -> None:
    """Kill them one after the other, spread over the day."""
    for number, name in enumerate(names, 1):
        while _outcomes(streets) < number * outcomes // (len(names) + 1):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while (await stack.told("status"))[0]:  # noqa: ASYNC110 - who is busy may look unwell
            await asyncio.sleep(0.5)
        await stack.kill(name)


def _outcomes(streets: Sequence[Street]) -> int:
    return sum(street.tally.total() for street in streets)


async def drill(stack: Stack, size: Size, kills: Sequence[str]) -> None:
    async with town_of(stack) as (signing, http, tenant):
        streets = await morning(door(signing, tenant, http), size)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(killing(stack, streets, size.streets * size.movements, [*kills]))
            living = tasks.create_task(lived(streets, size))
        day = await ended(streets, *living.result())
    sys.stdout.write(f"\n{size}, kills: {', '.join(kills) or 'none'}{told(day)}")

    claims.balances(day)
    claims.operators_own(day)
    claims.trust(day)
    code, checks = await stack.told("verify", patience_s=600)
    assert code == 0, [check for check in checks if check["violations"]]
    code, replayed = await stack.told(
        "replay", "--all-since", "1d", "--tenant", tenant.slug, patience_s=REPLAY_S
    )
    assert code == 0, [one for one in replayed if one["failure"] or one["differences"]]
    assert len(replayed) > size.streets * size.movements
    sys.stdout.write(f"{len(replayed):,} movements replayed and equal\n")


@pytest.mark.timeout(14_400)
async def test_a_medium_day_on_the_real_temporal_server(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    await asyncio.to_thread(build, home, lambda *_: None)
    with stack_of(home.path, "--no-demo", "--temporal", "postgres") as stack:
        await drill(stack, MEDIUM, [])


@pytest.mark.timeout(7_200)
async def test_a_day_under_kills_comes_out_to_the_cent(stack: Stack) -> None:
    seed = random.SystemRandom().randrange(10**6)
    names = random.Random(seed).choices(VICTIMS, k=KILLS - len(VICTIMS))
    sys.stdout.write(f"\nseed {seed}\n")

    await drill(stack, UNDER_KILLS, [*VICTIMS, *names])

    assert sum(stack.kills.values()) == KILLS
