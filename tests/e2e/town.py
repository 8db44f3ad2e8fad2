"""A town of one tenant: people with tokens and wallets, made as a test needs them."""

import asyncio
import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from api.scopes import scopes
from mmo.keys.ports import Purpose
from tests.e2e.operator import Operator

CUSTOMER = frozenset(
    {
        "movements:read", "wallets:read", "wallets:write",
        "movements:p2p-transfer", "movements:cash-out",
    }
)  # fmt: skip
LIFE_S = 900
TRIES_MAX = 10
PAUSE_S = 0.5


def unique_msisdn() -> str:
    return f"+2547{secrets.randbelow(10**8):08}"


def amount(value: str, currency: str = "KES") -> dict[str, str]:
    return {"value": value, "currency": currency}


class Patient(httpx.AsyncHTTPTransport):
    """Asks again where the front says `busy`, as it asks its callers to: other tests fill it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, once more while nothing of it was accepted."""
        for _ in range(TRIES_MAX):
            answer = await super().handle_async_request(request)
            if answer.status_code != 503 or b'"busy"' not in await answer.aread():
                break
            await asyncio.sleep(PAUSE_S)
        return answer


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token, who asks the API in their own name."""

    http: httpx.AsyncClient
    subject: str
    token: str

    async def get(self, path: str, *, after: httpx.Response | None = None) -> httpx.Response:
        """Read; `after`: not before the read models hold that answer's writes."""
        position = after.headers.get("Projection-Position") if after is not None else None
        more = {"If-Projected": position} if position else {}
        for _ in range(TRIES_MAX):
            answer = await self.http.get(path, headers=self._with(more))
            if answer.status_code != 503:
                break  # `projection_behind` says to try again: other tests share the machine.
        return answer

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        named = {"Idempotency-Key": key} if key else {}
        return await self.http.post(
            path, json=body, headers=self._with({**named, **(headers or {})})
        )

    async def move(
        self,
        kind: str,
        value: str,
        *,
        currency: str = "KES",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **about: str,
    ) -> httpx.Response:
        """Ask for a movement, under a new key unless one is named."""
        body = {**about, "amount": amount(value, currency)}
        key = key or uuid.uuid4().hex
        return await self.post(f"/v1/movements/{kind}", body, key=key, headers=headers)

    async def sends(self, value: str, sender: str, recipient: str, **how: Any) -> httpx.Response:
        return await self.move("p2p-transfer", value, sender=sender, recipient=recipient, **how)

    def _with(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **headers}


@dataclass(frozen=True, slots=True)
class Holder:
    """A person and the wallet they own."""

    person: Person
    wallet: str
    alias: str

    async def balance(self, after: httpx.Response | None = None) -> str:
        """What the wallet has available."""
        answer = await self.person.get(f"/v1/wallets/{self.wallet}/balance", after=after)
        assert answer.status_code == 200, answer.text
        return answer.json()["available"]

    async def sends(self, value: str, to: "Holder", **how: Any) -> httpx.Response:
        return await self.person.sends(value, self.wallet, to.wallet, **how)


class Town:
    """The people of one tenant. `staff` has every scope."""

    def __init__(self, operator: Operator, http: httpx.AsyncClient, tenant: str) -> None:
        self.operator = operator
        self.tenant = tenant
        self._http = http
        self._tills: dict[str, Holder] = {}
        self.staff = self.somebody(scopes(), name="staff")

    def claims(self, subject: str, granted: Iterable[str], **other: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "sub": subject,
            "client_id": "tests",
            "aud": "mmo-api",
            "iat": now,
            "exp": now + LIFE_S,
            "jti": uuid.uuid4().hex,
            "roles": [],
            "scope": " ".join(granted),
        }
        return claims | other

    def sign(self, claims: Mapping[str, Any], purpose: Purpose = Purpose.JWT) -> str:
        return self.operator.signer.sign(self.tenant, purpose, claims)

    def somebody(
        self, granted: Iterable[str] = CUSTOMER, *, name: str = "person", **other: Any
    ) -> Person:
        """Somebody new, with these scopes."""
        subject = f"{name}-{uuid.uuid4().hex[:12]}"
        return Person(self._http, subject, self.sign(self.claims(subject, granted, **other)))

    async def wallet(
        self, owner: Person | None, kind: str = "customer", currency: str = "KES"
    ) -> Holder:
        """A new wallet of somebody's, opened by the staff."""
        body = {
            "kind": kind,
            "msisdn": unique_msisdn(),
            "currency": currency,
            "name": "A name",
            "owner": owner.subject if owner else None,
        }
        opened = await self.staff.post("/v1/wallets", body)
        assert opened.status_code == 201, opened.text
        return Holder(owner or self.staff, opened.json()["id"], opened.json()["alias"])

    async def customer(self, value: str = "0", currency: str = "KES") -> Holder:
        """A new customer who has that much."""
        holder = await self.wallet(self.somebody(), currency=currency)
        if value != "0":
            till = await self._till(currency)
            paid = await self._moved(
                "cash-in", value, currency=currency, agent=till.wallet, customer=holder.wallet
            )
            await holder.balance(paid)  # the read models hold it
        return holder

    async def funded(self, kind: str, value: str, currency: str = "KES") -> Holder:
        """A new super-agent, or agent, with that much float."""
        super_agent = await self.wallet(self.staff, "super_agent", currency)
        await self._moved(
            "emoney-issuance",
            value,
            currency=currency,
            recipient=super_agent.wallet,
            bank_reference="TEST 1",
        )
        if kind == "super_agent":
            return super_agent
        agent = await self.wallet(self.staff, "agent", currency)
        await self._moved(
            "float-top-up",
            value,
            currency=currency,
            payer=super_agent.wallet,
            payee=agent.wallet,
        )
        return agent

    async def _moved(self, kind: str, value: str, **about: str) -> httpx.Response:
        """Have the staff move money; other tests share the machine, so it may take a while."""
        answer = await self.staff.move(kind, value, headers={"Prefer": "wait=25"}, **about)
        assert answer.status_code == 201, answer.text
        return answer

    async def _till(self, currency: str) -> Holder:
        """The agent whose float pays what new customers have."""
        if currency not in self._tills:
            self._tills[currency] = await self.funded("agent", "100000000", currency)
        return self._tills[currency]
