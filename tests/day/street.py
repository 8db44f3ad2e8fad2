"""One street: its own agent, merchant and customers, so that each answer is known beforehand."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.day.asking import until_ended
from tests.day.model import Legs, earned, paid
from tests.day.people import Holder, Town
from tests.day.prices import (
    ASKED_FROM,
    BALANCE_MAX,
    CASHED_OUT_A_DAY,
    TRANSFER_MAX,
    TRANSFERS_A_DAY,
    price,
)

CUSTOMERS_MIN, MOVEMENTS_EACH = 4, 50


@dataclass(slots=True)
class Street:
    """One worker's people. It asks for one thing after the other."""

    town: Town
    chance: random.Random
    agent: Holder = field(init=False)
    merchant: Holder = field(init=False)
    customers: list[Holder] = field(default_factory=list[Holder])
    tally: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """Kind and how it ended → how often."""
    transfers: Counter[str] = field(default_factory=Counter[str])
    """Wallet → how many it has made today."""
    cashed_out: Counter[str] = field(default_factory=Counter[str])
    """Wallet → minor units today."""

    async def open(self, movements: int) -> None:
        """Open the wallets, and put something into them."""
        self.agent = await self.town.holder("agent")
        self.merchant = await self.town.holder("merchant")
        await self.town.give_float(self.agent)
        for _ in range(max(CUSTOMERS_MIN, movements // MOVEMENTS_EACH)):
            customer = await self.town.holder("customer")
            await self.town.fill_pocket(self.agent, customer)
            self.customers.append(customer)

    async def cash_in(self, one: Holder, minor: int) -> None:
        """A customer hands cash to the agent."""
        legs = paid(self.agent.account, one.account, minor, price("cash-in", minor))
        about = {"agent": self.agent.wallet, "customer": one.wallet}
        wrong = self.cannot(self.agent, minor, "cash-in") | self.cannot_take(one, minor)
        await self.asks(
            self.agent, "cash-in", minor, about, wrong, legs, self._earned("cash-in", minor)
        )

    async def cash_out(self, one: Holder, minor: int) -> None:
        """The agent hands cash to a customer."""
        legs = paid(one.account, self.agent.account, minor, price("cash-out", minor))
        about = {"customer": one.wallet, "agent": self.agent.wallet}
        wrong = self.cannot(one, minor, "cash-out")
        if self.cashed_out[one.wallet] + minor > CASHED_OUT_A_DAY:
            wrong.add("daily_value_limit_exceeded")
        if await self.asks(
            one, "cash-out", minor, about, wrong, legs, self._earned("cash-out", minor)
        ):
            self.cashed_out[one.wallet] += minor

    async def pay(self, one: Holder, minor: int, key: str = "") -> tuple[str, Legs]:
        """A customer pays the merchant; the movement, unless it was refused, and its legs."""
        legs = paid(one.account, self.merchant.account, minor, price("merchant-payment", minor))
        about = {"customer": one.wallet, "merchant": self.merchant.wallet}
        wrong = self.cannot(one, minor, "merchant-payment")
        answer = await self.asks(one, "merchant-payment", minor, about, wrong, legs, key=key)
        return (answer.json()["id"] if answer else ""), legs

    async def send(
        self, one: Holder, other: Holder, minor: int, decision: str = ""
    ) -> tuple[str, Legs]:
        """A customer sends to another; the movement, unless it was refused, and its legs.

        A manager decides about what is large: as told, else by the way the day goes.
        """
        legs = paid(one.account, other.account, minor, price("p2p-transfer", minor))
        about = {"sender": one.wallet, "recipient": other.wallet}
        wrong = self.cannot(one, minor, "p2p-transfer") | self.cannot_take(other, minor)
        if minor > TRANSFER_MAX:
            wrong.add("greater_than_transaction_max_value")
        if self.transfers[one.wallet] >= TRANSFERS_A_DAY:
            wrong.add("daily_volume_limit_exceeded")
        if minor >= ASKED_FROM and not wrong:
            decision = decision or self.chance.choice(("approve", "approve", "reject"))
            movement = await self._decided(one, minor, about, decision, legs)
        else:
            answer = await self.asks(one, "p2p-transfer", minor, about, wrong, legs)
            movement = answer.json()["id"] if answer else ""
        self.transfers[one.wallet] += bool(movement)
        return movement, legs

    async def _decided(
        self, one: Holder, minor: int, about: dict[str, Any], decision: str, legs: Legs
    ) -> str:
        """Have a manager decide; the movement, if it was approved."""
        waits = await self.waits(one, "p2p-transfer", minor, about, set())
        await self.town.manager.post(
            f"/v1/approvals/{waits['id']}/decisions", {"decision": decision}, Prefer="wait=25"
        )
        ended = await until_ended(one.person, waits["id"])
        self.tally["p2p-transfer, by a manager", ended] += 1
        assert ended == {"approve": "posted", "reject": "declined"}[decision], waits
        if decision == "reject":
            return ""
        self.town.books.post(legs)
        return waits["id"]

    async def asks(
        self, who: Holder, kind: str, minor: int, about: dict[str, Any], wrong: set[str],
        *legs: Legs, key: str = "",
    ) -> httpx.Response | None:  # fmt: skip
        """Ask for what is posted at once, or refused for one of the reasons known beforehand."""
        answer = await who.person.move(kind, minor, about, key)
        if wrong:
            self._refused(kind, answer, wrong)
            return None
        assert answer.status_code == 201, (kind, minor, answer.text)
        self.tally[kind, "posted"] += 1
        self.town.books.post(*legs)
        return answer

    async def waits(
        self, who: Holder, kind: str, minor: int, about: dict[str, Any], wrong: set[str]
    ) -> dict[str, Any]:
        """Ask for what waits for somebody; what the answer tells, nothing where it is refused."""
        answer = await who.person.move(kind, minor, about)
        if wrong:
            self._refused(kind, answer, wrong)
            return {}
        assert answer.status_code == 202, (kind, minor, answer.text)
        return answer.json()

    def _refused(self, kind: str, answer: httpx.Response, wrong: set[str]) -> None:
        assert answer.status_code == 422, (kind, wrong, answer.text)
        assert answer.json()["code"] in wrong, (kind, wrong, answer.text)
        self.tally[kind, answer.json()["code"]] += 1

    def cannot(self, payer: Holder, minor: int, kind: str) -> set[str]:
        """Why somebody cannot pay it."""
        wanted = minor + price(kind, minor).on_top
        return {"insufficient_funds"} if wanted > self.has(payer) else set()

    def cannot_take(self, payee: Holder, minor: int) -> set[str]:
        """Why a customer cannot take it."""
        return {"max_balance_exceeded"} if self.has(payee) + minor > BALANCE_MAX else set()

    def has(self, who: Holder) -> int:
        """By the street's own books, in minor units."""
        return self.town.books.balances[who.account]

    def _earned(self, kind: str, minor: int) -> Legs:
        return earned(self.agent.commission, self.town.chief.commission, price(kind, minor))
