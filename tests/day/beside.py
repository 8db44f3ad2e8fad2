"""What comes beside the mix: taking back, sleeping, waiting, and what must be refused."""

import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import httpx

from tests.day.asking import Person, until_ended
from tests.day.model import ESCROWS, VOUCHERS, Legs, earned, less, moved, paid, refunded, undone
from tests.day.people import Holder
from tests.day.prices import ASKED_FROM, TRANSFER_MAX, TRANSFERS_A_DAY, price
from tests.day.street import Street


@dataclass(frozen=True, slots=True)
class Beside:
    """In one street."""

    street: Street

    async def happens(self, what: str, one: Holder, other: Holder, minor: int) -> None:
        """Let it happen to two customers."""
        deeds: dict[str, Callable[[Holder, Holder, int], Coroutine[Any, Any, None]]] = {
            "reversal": self._reversal,
            "refund": self._refund,
            "voucher": self._voucher_redeemed,
            "voucher-redeemed": self._voucher_redeemed,
            "voucher-claimed": self._voucher_claimed,
            "voucher-left": self._voucher_left,
            "voucher-guessed": self._voucher_guessed,
            "escrow-released": self._escrow_released,
            "escrow-cancelled": self._escrow_cancelled,
            "escrow-left": self._escrow_left,
            "request-paid": self._request_paid,
            "request-declined": self._request_declined,
            "approved": self._approved,
            "rejected": self._rejected,
            "too-little": self._too_little,
            "too-often": self._too_often,
            "over-the-limit": self._over_the_limit,
            "repeated": self._repeated,
            "key-reused": self._key_reused,
            "anothers-wallet": self._anothers_wallet,
        }
        await deeds[what](one, other, minor)

    async def _reversal(self, one: Holder, other: Holder, minor: int) -> None:
        """Staff take a transfer back as a whole, its fee too."""
        movement, legs = await self.street.send(one, other, min(minor, ASKED_FROM - 1))
        if movement:
            await self._taken_back(self.street.town.staff, "reversal", movement, None, undone(legs))

    async def _refund(self, one: Holder, _: Holder, minor: int) -> None:
        """The merchant gives a part back, and then what is left."""
        movement, legs = await self.street.pay(one, minor)
        if movement:
            merchant = self.street.merchant
            part = refunded(legs, minor // 2, minor, merchant.account)
            rest = less(undone(legs), part)
            await self._taken_back(merchant.person, "refund", movement, minor // 2, part)
            await self._taken_back(merchant.person, "refund", movement, None, rest)

    async def _taken_back(
        self, who: Person, kind: str, movement: str, minor: int | None, legs: Legs
    ) -> None:
        answer = await who.move(kind, minor, {"original": movement})
        assert answer.status_code == 201, answer.text
        self._ended(kind, "posted", legs)

    async def _voucher_redeemed(self, one: Holder, _: Holder, minor: int) -> None:
        number, told = await self._voucher(one, minor)
        if "code" not in told:  # the answer that told it was lost, and it is told once
            return
        answer = await self._redeem(number, told["code"])
        assert answer.status_code == 201, answer.text
        agent = self.street.agent
        self._ended(
            "voucher", "redeemed", moved(VOUCHERS, agent.account, minor),
            earned(agent.commission, self.street.town.chief.commission, price("voucher", minor)),
        )  # fmt: skip

    async def _voucher_claimed(self, one: Holder, _: Holder, minor: int) -> None:
        """A wallet is opened for the number, and it goes there by itself."""
        number, told = await self._voucher(one, minor)
        if told:
            newcomer = await self.street.town.holder("customer", number)
            assert await until_ended(one.person, told["id"]) == "posted"
            self._ended("voucher", "claimed", moved(VOUCHERS, newcomer.account, minor))

    async def _voucher_left(self, one: Holder, _: Holder, minor: int) -> None:
        await self._voucher(one, minor)

    async def _voucher_guessed(self, one: Holder, _: Holder, minor: int) -> None:
        number, told = await self._voucher(one, minor)
        guess = "0000000000" if told.get("code") != "0000000000" else "1111111111"
        answer = await self._redeem(number, guess)
        self._refused("voucher-redemption", answer, 422, "voucher_refused")

    async def _voucher(self, one: Holder, minor: int) -> tuple[str, dict[str, Any]]:
        """Send one to a number without a wallet; the number, and what the answer tells."""
        number, terms = self.street.town.msisdn(), price("voucher", minor)
        about = {"sender": one.wallet, "recipient": number}
        wrong = self.street.cannot(one, minor, "voucher")
        told = await self.street.waits(one, "voucher", minor, about, wrong)
        if told:
            self._ended("voucher", "issued", paid(one.account, VOUCHERS, minor, terms))
        return number, told

    async def _redeem(self, number: str, code: str) -> httpx.Response:
        agent = self.street.agent
        body = {"msisdn": number, "code": code, "agent": agent.wallet}
        return await agent.person.post("/v1/vouchers/redemptions", body, Prefer="wait=25")

    async def _escrow_released(self, one: Holder, _: Holder, minor: int) -> None:
        escrow, merchant = await self._escrow(one, minor), self.street.merchant
        if escrow:
            await self._says(one, escrow, "escrow-release", "release", "posted")
            terms = price("escrow", minor)
            self._ended("escrow", "released", paid(ESCROWS, merchant.account, minor, terms))

    async def _escrow_cancelled(self, one: Holder, _: Holder, minor: int) -> None:
        escrow = await self._escrow(one, minor)
        if escrow:
            await self._says(self.street.merchant, escrow, "escrow-cancel", "cancel", "cancelled")
            self._ended("escrow", "cancelled", moved(ESCROWS, one.account, minor))

    async def _escrow_left(self, one: Holder, _: Holder, minor: int) -> None:
        await self._escrow(one, minor)

    async def _escrow(self, one: Holder, minor: int) -> str:
        about = {"customer": one.wallet, "merchant": self.street.merchant.wallet}
        wrong = self.street.cannot(one, minor, "escrow")
        told = await self.street.waits(one, "escrow", minor, about, wrong)
        if not told:
            return ""
        self._ended("escrow", "funded", moved(one.account, ESCROWS, minor))
        return told["id"]

    async def _request_paid(self, one: Holder, _: Holder, minor: int) -> None:
        wrong = self.street.cannot(one, minor, "payment-request")
        ended = "insufficient_funds" if wrong else "posted"
        await self._requested(one, minor, "approve", ended)
        if not wrong:
            merchant, terms = self.street.merchant.account, price("payment-request", minor)
            self.street.town.books.post(paid(one.account, merchant, minor, terms))

    async def _request_declined(self, one: Holder, _: Holder, minor: int) -> None:
        await self._requested(one, minor, "decline", "declined")

    async def _requested(self, one: Holder, minor: int, said: str, ended: str) -> None:
        merchant = self.street.merchant
        about = {"merchant": merchant.wallet, "customer": one.wallet}
        told = await self.street.waits(merchant, "payment-request", minor, about, set())
        await self._says(one, told["id"], "payment-answer", said, ended)
        self._ended("payment-request", ended)

    async def _says(self, who: Holder, movement: str, name: str, said: str, ended: str) -> None:
        """Answer a movement that waits, and see how it ends."""
        where = f"/v1/movements/{movement}/{name}"
        await who.person.post(where, {"answer": said}, Prefer="wait=25")
        assert await until_ended(who.person, movement) == ended

    async def _approved(self, one: Holder, other: Holder, minor: int) -> None:
        await self.street.send(one, other, ASKED_FROM + minor, "approve")

    async def _rejected(self, one: Holder, other: Holder, minor: int) -> None:
        await self.street.send(one, other, ASKED_FROM + minor, "reject")

    async def _too_little(self, one: Holder, _: Holder, __: int) -> None:
        """A cent more than there is."""
        await self.street.pay(one, self.street.has(one) + 1)

    async def _too_often(self, one: Holder, other: Holder, _: int) -> None:
        """One transfer more than a day has."""
        for _ in range(TRANSFERS_A_DAY + 1):
            await self.street.send(one, other, 1_00)

    async def _over_the_limit(self, one: Holder, other: Holder, _: int) -> None:
        """A cent more than is allowed."""
        await self.street.send(one, other, TRANSFER_MAX + 1)

    async def _repeated(self, one: Holder, _: Holder, minor: int) -> None:
        """The same request under the same key, twice."""
        key, merchant = uuid.uuid4().hex, self.street.merchant
        movement, _legs = await self.street.pay(one, minor, key)
        about = {"customer": one.wallet, "merchant": merchant.wallet}
        again = await one.person.move("merchant-payment", minor, about, key)
        told = again.json()
        assert again.headers["Idempotency-Replayed"] == "true"
        assert movement in ("", told.get("id")), told
        self.street.tally["merchant-payment", "repeated"] += 1

    async def _key_reused(self, one: Holder, _: Holder, minor: int) -> None:
        """Another request under the same key."""
        key, merchant = uuid.uuid4().hex, self.street.merchant
        await self.street.pay(one, minor, key)
        about = {"customer": one.wallet, "merchant": merchant.wallet}
        again = await one.person.move("merchant-payment", minor + 1, about, key)
        self._refused("merchant-payment", again, 409, "idempotency_key_reused")

    async def _anothers_wallet(self, one: Holder, other: Holder, minor: int) -> None:
        """A customer would pay out of another's wallet."""
        about = {"sender": other.wallet, "recipient": one.wallet}
        answer = await one.person.move("p2p-transfer", minor, about)
        self._refused("p2p-transfer", answer, 403, "not_your_wallet")

    def _refused(self, kind: str, answer: httpx.Response, status: int, code: str) -> None:
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        self.street.tally[kind, code] += 1

    def _ended(self, kind: str, how: str, *legs: Legs) -> None:
        self.street.town.books.post(*legs)
        self.street.tally[kind, how] += 1
