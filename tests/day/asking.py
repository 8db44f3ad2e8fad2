"""Somebody who asks the API in their own name, until there is an answer that stays."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from tests.day.money import amount

TOKEN_S = 480.0
ANSWER_S = 120.0
"""How long somebody repeats before the day is a failure."""
PAUSE_S = 0.2
LOOK_S = 0.1


class Sign(Protocol):
    """Gives a token. None: every scope there is."""

    def __call__(self, subject: str, granted: Iterable[str] | None, roles: Iterable[str]) -> str:
        """Raises OSError or TimeoutError where the keys are away."""
        ...


@dataclass(slots=True)
class Door:
    """The way to the API that everybody shares, and what was counted on it."""

    http: httpx.AsyncClient
    sign: Sign
    tally: Counter[str] = field(default_factory=Counter[str])
    position: int = 0
    """Where the last answer stands in the feed."""


@dataclass(slots=True)
class Person:
    """One who asks."""

    door: Door
    subject: str
    granted: Iterable[str] | None = None
    roles: tuple[str, ...] = ()
    _token: tuple[float, str] = (0.0, "")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.ask("GET", path, None, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.ask("POST", path, body, **headers)

    async def move(
        self, kind: str, minor: int | None, about: dict[str, Any], key: str = ""
    ) -> httpx.Response:
        """Ask for a movement, under a new key unless one is named."""
        body = about if minor is None else {**about, "amount": amount(minor)}
        named = {"Idempotency-Key": key or uuid.uuid4().hex, "Prefer": "wait=25"}
        return await self.ask("POST", f"/v1/movements/{kind}", body, **named)

    async def ask(self, method: str, path: str, body: Any, **headers: str) -> httpx.Response:
        """Ask until somebody is there who has an answer; the same request is the same each time."""
        deadline = time.monotonic() + ANSWER_S
        while True:
            answer = await self._asked(method, path, body, headers)
            if answer is not None and not _asks_for_patience(answer):
                position = answer.headers.get("Projection-Position", "0")
                self.door.position = max(self.door.position, int(position))
                return answer
            assert time.monotonic() < deadline, f"{method} {path} {body}: {answer and answer.text}"
            self.door.tally["asked again"] += 1
            await asyncio.sleep(PAUSE_S)

    async def _asked(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response | None:
        named = {"Authorization": f"Bearer {self._bearer()}", **headers}
        self.door.tally["requests"] += 1
        try:
            return await self.door.http.request(method, path, json=body, headers=named)
        except httpx.TransportError:
            self.door.tally["answers lost"] += 1
            return None

    def _bearer(self) -> str:
        """A token; where the keys are away just now, the one there is."""
        made, token = self._token
        if not token or time.monotonic() - made > TOKEN_S:
            try:
                token = self.door.sign(self.subject, self.granted, self.roles)
            except (OSError, TimeoutError):
                assert token, "nobody can begin without a token"
            self._token = time.monotonic(), token
        return token


def _asks_for_patience(answer: httpx.Response) -> bool:
    if answer.status_code == 202:
        return answer.json().get("state") == "accepted"
    return answer.status_code == 503


async def until_ended(person: Person, movement: str) -> str:
    """Read a movement until it waits for nobody; how it ended: `posted`, or why it was refused."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        told = (await person.get(f"/v1/movements/{movement}")).json()
        state = told["state"]
        if not state.startswith("pending") and state != "accepted":
            return told["refusal"]["code"] if state == "refused" else state
        assert time.monotonic() < deadline, told
        await asyncio.sleep(LOOK_S)
