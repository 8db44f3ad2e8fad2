"""Customers with money and tokens of their own, for a load."""

import secrets
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from psycopg.errors import UniqueViolation

from api.scopes import scopes
from benchmarks.stack import Stack
from mmo.identity import clients
from mmo.identity.clients import CLIENT
from mmo.keys.ports import Purpose
from mmo.keys.socket import SocketKeyStore
from mmo.keys.verifier import LIFE_MAX_S
from mmo.tenancy.scope import scoped
from workers.demo.people import DEMO
from workers.wiring import open_pool

CUSTOMERS = 64
FUNDS = "100000.00"


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer, as a load needs one."""

    subject: str
    wallet: str


class People:
    """Everybody who asks for something."""

    def __init__(self, stack: Stack) -> None:
        self._settings = stack.plan.settings("mmo_background")
        self._tokens: dict[str, str] = {}
        self._port = stack.port
        self._run = secrets.randbelow(10**5)
        """A number of this run, so that a home can be measured again."""
        self.customers: list[Customer] = []

    def headers(self, subject: str, key: str = "") -> dict[str, str]:
        """Their token, and an idempotency key where one is named."""
        token = self._tokens[subject]
        return {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}

    async def renew(self) -> None:
        """Sign a token for everybody; they live fifteen minutes."""
        keys = SocketKeyStore(self._settings.keys_at)
        names = ("operator", *(self._name(number) for number in range(2 + CUSTOMERS)))
        for subject in names:
            now = int(time.time())
            granted = scopes()
            claims = {
                "sub": subject, "client_id": "bench", "aud": self._settings.audience, "iat": now,
                "exp": now + LIFE_MAX_S, "jti": uuid.uuid4().hex, "roles": [],
                "scope": " ".join(sorted(granted)),
            }  # fmt: skip
            self._tokens[subject] = await keys.sign("demo", Purpose.JWT, claims)
        await keys.close()

    async def settle(self) -> None:
        """Open the wallets, and put money into them."""
        await self.renew()
        await self._open_client()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self._port}", timeout=30
        ) as client:
            super_agent = await self._open(client, "super_agent", 0)
            agent = await self._open(client, "agent", 1)
            float_ = {"recipient": super_agent, "bank_reference": "BENCH"}
            await self._move(client, "emoney-issuance", "100000000.00", float_)
            away = {"payer": super_agent, "payee": agent}
            await self._move(client, "float-top-up", "50000000.00", away)
            for number in range(CUSTOMERS):
                wallet = await self._open(client, "customer", 2 + number)
                await self._move(client, "cash-in", FUNDS, {"agent": agent, "customer": wallet})
                self.customers.append(Customer(self._name(2 + number), wallet))

    async def _open_client(self) -> None:
        """The program that everybody's tokens are issued to, where it is not there yet."""
        about = {"name": "Benchmark", "kind": "confidential", "grants": [CLIENT]}
        with suppress(UniqueViolation):
            async with open_pool(self._settings) as pool, scoped(pool, DEMO.id) as connection:
                await clients.create(
                    connection, DEMO.id, "bench", scopes=scopes(), created_by="bench", **about
                )

    async def _open(self, client: httpx.AsyncClient, kind: str, number: int) -> str:
        body = {"kind": kind, "currency": "KES", "msisdn": f"+2547{self._run:05}{number:03}",
                "name": "Bench", "owner": self._name(number)}  # fmt: skip
        opened = await client.post("/v1/wallets", json=body, headers=self.headers("operator"))
        assert opened.status_code == 201, opened.text
        return opened.json()["id"]

    async def _move(
        self, client: httpx.AsyncClient, kind: str, value: str, about: dict[str, Any]
    ) -> None:
        body = {**about, "amount": {"value": value, "currency": "KES"}}
        headers = self.headers("operator", uuid.uuid4().hex)
        moved = await client.post(f"/v1/movements/{kind}", json=body, headers=headers)
        assert moved.status_code == 201, moved.text

    def _name(self, number: int) -> str:
        return f"bench-{self._run}-{number}"
