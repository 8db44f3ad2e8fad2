"""A tenant's signing key changes under load, and nobody is turned away; disabled, everybody is."""

import asyncio
import base64
import json
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from tests.faults.stack import Stack
from workers.demo.tokens import token

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.case("L10")]

CALLERS, BEFORE_S, AFTER_S, DISABLED_WITHIN_S = 6, 2.0, 3.0, 1.0


@dataclass(slots=True)
class Load:
    """Callers who get tokens and use them, and what they saw."""

    stack: Stack
    http: httpx.AsyncClient
    kids: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[int] = field(default_factory=Counter[int])

    async def fresh(self, tenant: str = "demo") -> str:
        told = await asyncio.to_thread(token, self.stack.settings(), tenant, "operator")
        head = told.split(".")[0]
        self.kids[json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]] += 1
        return told

    async def reads(self, bearer: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        answer = await self.http.get("/v1/movements?limit=1", headers=headers)
        self.statuses[answer.status_code] += 1
        return answer.status_code

    async def caller(self, enough: asyncio.Event) -> None:
        held = await self.fresh()  # one from before the rotation is used to the end
        while not enough.is_set():
            await self.reads(held)
            await self.reads(await self.fresh())


async def test_rotation_turns_nobody_away_and_disabling_turns_everybody_away(
    stack: Stack,
) -> None:
    async with httpx.AsyncClient(base_url=stack.url, timeout=20) as http:
        load = Load(stack, http)
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CALLERS):
                tasks.create_task(load.caller(enough))
            await asyncio.sleep(BEFORE_S)
            await asyncio.to_thread(_mmo, stack, "rotate")
            await asyncio.sleep(AFTER_S)
            enough.set()

        assert set(load.statuses) == {200}, load.statuses
        assert len(load.kids) == 2, "tokens of both keys were seen"

        held, other = await load.fresh(), await load.fresh("demo2")
        await asyncio.to_thread(_mmo, stack, "disable")
        disabled_at = time.monotonic()
        while await load.reads(held) != 401:
            assert time.monotonic() - disabled_at < DISABLED_WITHIN_S
            await asyncio.sleep(0.02)
        assert await load.reads(other) == 200, "the other tenant is not touched"

        await asyncio.to_thread(_mmo, stack, "rotate")
        assert await load.reads(await load.fresh()) == 200
        assert await load.reads(held) == 401


def _mmo(stack: Stack, verb: str) -> None:
    done = stack.mmo("keys", verb, "--tenant", "demo", "--purpose", "jwt")
    assert done.returncode == 0, done.stderr
