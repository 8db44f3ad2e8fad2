"""Movements that sleep, through HTTP: payment requests, escrow and unclaimed money."""

import asyncio

import httpx
import pytest

from tests.e2e.test_refusals import refused
from tests.e2e.town import Holder, Person, Town

CUSTOMER = frozenset(
    {
        "movements:payment-request:answer", "movements:escrow", "movements:escrow:release",
        "movements:read", "wallets:read",
    }
)  # fmt: skip
MERCHANT = frozenset(
    {"movements:payment-request", "movements:escrow:cancel", "movements:read", "wallets:read"}
)


@pytest.fixture
async def alice(demo: Town) -> Holder:
    """A customer with KES 100.00."""
    holder = await demo.wallet(demo.somebody(CUSTOMER))
    till = await demo.funded("agent", "100")
    paid = await demo.staff.move("cash-in", "100", agent=till.wallet, customer=holder.wallet)
    await holder.balance(paid)
    return holder


@pytest.fixture
async def shop(demo: Town) -> Holder:
    return await demo.wallet(demo.somebody(MERCHANT), "merchant")


async def asked(shop: Holder, alice: Holder, value: str = "10.00") -> httpx.Response:
    answer = await shop.person.move(
        "payment-request", value, merchant=shop.wallet, customer=alice.wallet
    )
    assert answer.status_code == 202, answer.text
    return answer


async def says(
    person: Person, movement: httpx.Response, name: str, choice: str, **more: str
) -> httpx.Response:
    path = f"/v1/movements/{movement.json()['id']}/{name}"
    return await person.post(path, {"answer": choice, **more})


class TestAPaymentRequest:
    async def test_holds_nothing_until_the_customer_says_yes(
        self, alice: Holder, shop: Holder
    ) -> None:
        request = await asked(shop, alice)
        before = await alice.balance(request)
        paid = await says(alice.person, request, "payment-answer", "approve")

        assert (request.json()["state"], before) == ("pending_approval", "100.00")
        assert request.json()["expires_at"]
        assert (paid.status_code, paid.json()["state"]) == (201, "posted"), paid.text
        assert (await alice.balance(paid), await shop.balance(paid)) == ("90.00", "10.00")

    async def test_is_found_by_the_customer(self, alice: Holder, shop: Holder) -> None:
        request = await asked(shop, alice)

        found = await alice.person.get("/v1/movements?state=pending_approval", after=request)

        assert [one["id"] for one in found.json()["items"]] == [request.json()["id"]]

    async def test_that_is_declined_moves_nothing(self, alice: Holder, shop: Holder) -> None:
        request = await asked(shop, alice)
        declined = await says(alice.person, request, "payment-answer", "decline")
        read = await shop.person.get(f"/v1/movements/{request.json()['id']}", after=declined)

        assert refused(declined) == (422, "declined")
        assert (read.json()["state"], read.json()["refusal"]["code"]) == ("refused", "declined")
        assert await alice.balance(declined) == "100.00"

    async def test_is_answered_by_nobody_else(
        self, demo: Town, other: Town, alice: Holder, shop: Holder
    ) -> None:
        request = await asked(shop, alice)
        another = await demo.wallet(demo.somebody(CUSTOMER))
        merchant = demo.somebody(MERCHANT | CUSTOMER, sub=shop.person.subject)

        theirs = await says(another.person, request, "payment-answer", "approve")
        own = await says(merchant, request, "payment-answer", "approve")
        without = await says(shop.person, request, "payment-answer", "approve")
        stranger = await says(other.staff, request, "payment-answer", "approve")

        assert refused(theirs) == (403, "not_your_wallet")
        assert own.status_code == 403
        assert refused(without) == (403, "insufficient_scope")
        assert refused(stranger) == (404, "movement_not_found")

    async def test_is_paid_once_however_often_the_customer_says_yes(
        self, alice: Holder, shop: Holder
    ) -> None:
        request = await asked(shop, alice)
        several = await asyncio.gather(
            *(says(alice.person, request, "payment-answer", "approve") for _ in range(5))
        )
        late = await says(alice.person, request, "payment-answer", "decline")

        assert {one.status_code for one in several} <= {201, 409}
        assert refused(late) == (409, "not_waiting")
        assert await alice.balance(several[0]) == "90.00"

    async def test_for_more_than_there_is_ends_with_the_yes(
        self, alice: Holder, shop: Holder
    ) -> None:
        request = await asked(shop, alice, "100.01")

        answer = await says(alice.person, request, "payment-answer", "approve")

        assert refused(answer) == (422, "insufficient_funds")

    @pytest.mark.parametrize("seconds", [59, 604_801])
    async def test_waits_for_a_minute_at_least_and_a_week_at_most(
        self, alice: Holder, shop: Holder, seconds: int
    ) -> None:
        body = {
            "merchant": shop.wallet, "customer": alice.wallet, "expires_in_s": seconds,
            "amount": {"value": "1.00", "currency": "KES"},
        }  # fmt: skip

        answer = await shop.person.post("/v1/movements/payment-request", body, key=f"s{seconds}")

        assert refused(answer) == (422, "validation")


class TestAnEscrow:
    async def funded(self, alice: Holder, shop: Holder) -> httpx.Response:
        answer = await alice.person.move(
            "escrow", "40.00", customer=alice.wallet, merchant=shop.wallet
        )
        assert answer.status_code == 202, answer.text
        return answer

    async def test_is_the_merchants_once_the_customer_releases_it(
        self, alice: Holder, shop: Holder
    ) -> None:
        escrow = await self.funded(alice, shop)
        during = await alice.balance(escrow)
        released = await says(alice.person, escrow, "escrow-release", "release")
        again = await says(alice.person, escrow, "escrow-release", "release")

        assert during == "60.00"
        assert released.status_code == 201, released.text
        assert refused(again) == (409, "not_waiting")
        assert (await alice.balance(released), await shop.balance(released)) == ("60.00", "40.00")

    async def test_is_the_customers_again_once_the_merchant_cancels(
        self, alice: Holder, shop: Holder
    ) -> None:
        escrow = await self.funded(alice, shop)

        cancelled = await says(shop.person, escrow, "escrow-cancel", "cancel")

        assert refused(cancelled) == (422, "cancelled")
        assert await alice.balance(cancelled) == "100.00"

    async def test_is_released_by_staff_and_by_no_merchant(
        self, demo: Town, alice: Holder, shop: Holder
    ) -> None:
        escrow = await self.funded(alice, shop)
        eager = demo.somebody({"movements:escrow:release"}, sub=shop.person.subject)

        theirs = await says(eager, escrow, "escrow-release", "release")
        released = await says(demo.staff, escrow, "escrow-release", "release")

        assert refused(theirs) == (403, "not_your_wallet")
        assert released.status_code == 201, released.text

    async def test_waits_on_where_the_merchant_can_take_nothing_now(
        self, demo: Town, alice: Holder, shop: Holder
    ) -> None:
        escrow = await self.funded(alice, shop)
        await demo.staff.post(f"/v1/wallets/{shop.wallet}/freeze")
        tried = await says(alice.person, escrow, "escrow-release", "release")
        read = await alice.person.get(f"/v1/movements/{escrow.json()['id']}", after=tried)
        await demo.staff.post(f"/v1/wallets/{shop.wallet}/unfreeze")
        released = await says(alice.person, escrow, "escrow-release", "release")

        assert refused(tried) == (422, "wallet_frozen")
        assert read.json()["state"] == "pending_approval"
        assert released.status_code == 201, released.text


class TestUnclaimedMoney:
    async def set_aside(self, demo: Town, alice: Holder) -> httpx.Response:
        answer = await demo.staff.move("dormancy", "100.00", customer=alice.wallet)
        assert answer.status_code == 202, answer.text
        return answer

    async def test_goes_back_to_its_owner(self, demo: Town, alice: Holder) -> None:
        aside = await self.set_aside(demo, alice)
        checker = demo.somebody({"emoney:unclaimed"}, name="checker")

        empty = await alice.balance(aside)
        maker = await says(demo.staff, aside, "unclaimed-answer", "reclaim")
        back = await says(checker, aside, "unclaimed-answer", "reclaim")

        assert empty == "0.00"
        assert refused(maker) == (403, "maker_may_not")
        assert refused(back) == (422, "reclaimed")
        assert await alice.balance(back) == "100.00"

    async def test_is_paid_to_the_authority_by_a_named_transfer(
        self, demo: Town, alice: Holder
    ) -> None:
        aside = await self.set_aside(demo, alice)
        checker = demo.somebody({"emoney:unclaimed"}, name="checker")

        nameless = await says(checker, aside, "unclaimed-answer", "escheat")
        paid = await says(
            checker, aside, "unclaimed-answer", "escheat", bank_reference="AUTHORITY 1"
        )

        assert refused(nameless) == (422, "bank_reference_missing")
        assert paid.status_code == 201, paid.text

    async def test_is_set_aside_by_staff_alone(self, alice: Holder) -> None:
        answer = await alice.person.move("dormancy", "1.00", customer=alice.wallet)

        assert refused(answer) == (403, "insufficient_scope")
