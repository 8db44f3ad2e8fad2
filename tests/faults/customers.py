"""Customers who move money over HTTP, repeat until they are answered, and keep their own books."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from mmo.settings import Settings
from workers.demo.tokens import NoTokenError
from workers.demo.tokens import token as token_of

TRIES = 20
"""A 503 asks to try again."""

FINAL = (201, 422)
ANSWER_S = 120.0
"""How long a customer repeats before the drill is a failure."""
PAUSE_S = 0.2
TOKEN_S = 300.0
REPEATED_SHARE = 0.1
"""How many answers are asked for once more, to see whether they stay the same."""
CUSTOMERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, under one key for ever."""

    kind: str
    minor: int
    parties: dict[str, str]
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def body(self) -> dict[str, Any]:
        value = f"{self.minor // 100}.{self.minor % 100:02}"
        return {**self.parties, "amount": {"value": value, "currency": "KES"}}


@dataclass(slots=True)
class Town:
    """The customers, their requests, and what they believe that everyone has."""

    http: httpx.AsyncClient
    settings: Settings
    chance: random.Random
    wallets: dict[str, str] = field(default_factory=dict[str, str])
    model: Counter[str] = field(default_factory=Counter[str])
    """Name → minor units, from the answers alone."""
    answers: dict[str, httpx.Response] = field(default_factory=dict[str, httpx.Response])
    """Key → the final answer."""
    tally: Counter[str] = field(default_factory=Counter[str])
    in_flight: int = 0
    _token: tuple[float, str] = (0.0, "")

    async def settle(self) -> None:
        """Open everybody's wallet, and give the agent and the customers money."""
        names = {"super": "super_agent", "agent": "agent"}
        names |= {f"customer-{number}": "customer" for number in range(CUSTOMERS)}
        for number, (name, kind) in enumerate(names.items()):
            body = {"kind": kind, "currency": "KES", "name": name, "owner": name,
                    "msisdn": f"+2547111111{number:02}"}  # fmt: skip
            opened = await self.http.post("/v1/wallets", json=body, headers=self._headers())
            assert opened.status_code == 201, opened.text
            self.wallets[name] = opened.json()["id"]
        await self.move(
            "emoney-issuance", 1_000_000_00, {"recipient": "super"}, {"bank_reference": "1"}
        )
        await self.move("float-top-up", 500_000_00, {"payer": "super", "payee": "agent"})
        for number in range(CUSTOMERS):
            parties = {"agent": "agent", "customer": f"customer-{number}"}
            await self.move("cash-in", 1_000_00, parties)

    async def live(self, movements: int, callers: int) -> None:
        """Move money that often, so many at a time."""
        left = iter(range(movements))

        async def caller() -> None:
            for _ in left:
                kind, minor, parties = self._whim()
                await self.move(kind, minor, parties)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(callers):
                tasks.create_task(caller())

    def _whim(self) -> tuple[str, int, dict[str, str]]:
        """Mostly small transfers; some are more than anybody has, and are refused."""
        one, other = self.chance.sample(range(CUSTOMERS), 2)
        names = f"customer-{one}", f"customer-{other}"
        minor = self.chance.randrange(1_00, 200_00)
        match self.chance.random():
            case luck if luck < 0.1:
                return "cash-in", minor, {"agent": "agent", "customer": names[0]}
            case luck if luck < 0.2:
                return "cash-out", minor, {"customer": names[0], "agent": "agent"}
            case luck if luck < 0.25:
                return "p2p-transfer", 10**9, {"sender": names[0], "recipient": names[1]}
        return "p2p-transfer", minor, {"sender": names[0], "recipient": names[1]}

    async def move(
        self, kind: str, minor: int, parties: dict[str, str], about: dict[str, str] | None = None
    ) -> None:
        """Ask until there is a final answer, and write it into the customers' books."""
        named = {role: self.wallets[name] for role, name in parties.items()}
        asked = Asked(kind=kind, minor=minor, parties={**named, **(about or {})})
        answer = await self._until_final(asked)
        self.answers[asked.key] = answer
        if self.chance.random() < REPEATED_SHARE:
            await self._asked_again(asked, answer)
        self.tally[f"{answer.status_code}"] += 1
        if answer.status_code == 201:
            self._book(kind, answer.json(), parties)

    async def _until_final(self, asked: Asked) -> httpx.Response:
        deadline, known = time.monotonic() + ANSWER_S, ""
        while True:
            answer = await self._ask(asked)
            if answer is not None:
                told = answer.json()
                identifier = told.get("movement_id") or told.get("id") or known
                assert known in ("", identifier), f"{asked.key} became another movement"
                known = identifier
                if answer.status_code in FINAL:
                    return answer
                self.tally[f"answered {answer.status_code}"] += 1
                assert answer.status_code in (202, 503), answer.text
            assert time.monotonic() < deadline, f"{asked} has no final answer"
            self.tally["retries"] += 1
            await asyncio.sleep(PAUSE_S)

    async def _asked_again(self, asked: Asked, first: httpx.Response) -> None:
        again = await self._until_final(asked)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.json()) == (first.status_code, first.json())

    async def _ask(self, asked: Asked) -> httpx.Response | None:
        self.tally["requests"] += 1
        self.in_flight += 1
        headers = {**self._headers(), "Idempotency-Key": asked.key}
        try:
            answer = await self.http.post(
                f"/v1/movements/{asked.kind}", json=asked.body, headers=headers
            )
        except httpx.TransportError as error:
            nobody = isinstance(error, httpx.ConnectError)
            self.tally["found nobody there" if nobody else "answers lost"] += 1
            return None
        finally:
            self.in_flight -= 1
        self.tally["replayed"] += "Idempotency-Replayed" in answer.headers
        return answer

    def _book(self, kind: str, told: dict[str, Any], parties: dict[str, str]) -> None:
        minor = _minor(told["amount"]["value"])
        charged = sum(_minor(one["value"]) for one in (*told["fees"], *told["taxes"]))
        payer, payee = _ends(kind, parties)
        if payer:
            self.model[payer] -= minor + charged
        self.model[payee] += minor

    def _headers(self) -> dict[str, str]:
        made, token = self._token
        if time.monotonic() - made > TOKEN_S or not token:
            token = self._renewed(token)
            self._token = time.monotonic(), token
        return {"Authorization": f"Bearer {token}"}

    def _renewed(self, before: str) -> str:
        """A new token; where the authorization server was just killed, the one there is."""
        try:
            return token_of(self.settings, "demo", "operator")
        except NoTokenError:
            assert before, "no customer can begin without a token"
            return before

    async def balances(self, position: str) -> dict[str, int]:
        """What the API says that everyone has, once the read models are that far."""
        found: dict[str, int] = {}
        for name, wallet in self.wallets.items():
            headers = {**self._headers(), "If-Projected": position}
            for _ in range(TRIES):
                answer = await self.http.get(f"/v1/wallets/{wallet}/balance", headers=headers)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(0.5)
            assert answer.status_code == 200, answer.text
            found[name] = _minor(answer.json()["available"])
        return found

    def positions(self) -> Iterator[int]:
        """Where the answers stand in the feed."""
        for answer in self.answers.values():
            yield int(answer.headers["Projection-Position"])


def _ends(kind: str, parties: dict[str, str]) -> tuple[str, str]:
    """Who pays and who gets it; issued money comes from nobody's wallet."""
    match kind:
        case "p2p-transfer":
            return parties["sender"], parties["recipient"]
        case "cash-in":
            return parties["agent"], parties["customer"]
        case "cash-out":
            return parties["customer"], parties["agent"]
        case "float-top-up":
            return parties["payer"], parties["payee"]
    return "", parties["recipient"]


def _minor(value: str) -> int:
    whole, _, cents = value.partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0"))
