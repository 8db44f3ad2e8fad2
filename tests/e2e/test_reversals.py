"""Reversals and refunds over the API: whole, in pieces, twice, at once, and by whom."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from api.scopes import scopes
from tests.e2e.town import CUSTOMER, Holder, Person, Town, amount

PATIENCE_S = 30.0
MERCHANT = (*CUSTOMER, "movements:refund", "movements:reversal")


async def undoes(
    who: Person, kind: str, paid: httpx.Response, value: str | None = None, **more: Any
) -> httpx.Response:
    key = more.pop("key", uuid.uuid4().hex)
    body = {"original": paid.json()["id"], **more} | ({"amount": amount(value)} if value else {})
    return await who.post(f"/v1/movements/{kind}", body, key=key, headers={"Prefer": "wait=25"})


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def sent(demo: Town, value: str = "40.00") -> tuple[Holder, Holder, httpx.Response]:
    alice, bob = await demo.customer("100"), await demo.customer()
    paid = await alice.sends(value, bob)
    assert paid.status_code == 201, paid.text
    return alice, bob, paid


async def paid_shop(demo: Town) -> tuple[Holder, Holder, httpx.Response]:
    alice = await demo.customer("100")
    shop = await demo.wallet(demo.somebody(MERCHANT, name="shop"), "merchant")
    paid = await demo.staff.move(
        "merchant-payment", "40.00", customer=alice.wallet, merchant=shop.wallet
    )
    assert paid.status_code == 201, paid.text
    return alice, shop, paid


async def test_staff_reverse_a_transfer_and_both_movements_tell(demo: Town) -> None:
    alice, bob, paid = await sent(demo)

    reversed_ = await undoes(demo.staff, "reversal", paid)

    assert reversed_.status_code == 201, reversed_.text
    told = reversed_.json()
    assert told["amount"] == amount("40.00")
    assert told["parties"] == {"payer": bob.wallet, "payee": alice.wallet}
    assert told["links"]["original"] == paid.json()["links"]["self"]
    assert await alice.balance(reversed_) == "100.00"
    assert await bob.balance(reversed_) == "0.00"
    original = (await alice.person.get(paid.headers["Location"], after=reversed_)).json()
    assert original["state"] == "reversed"
    assert original["posted_at"] is not None
    assert original["links"]["taken_back_by"] == [told["links"]["self"]]


async def test_a_repeat_of_the_original_tells_what_has_become_of_it(demo: Town) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    key = uuid.uuid4().hex
    paid = await alice.sends("40.00", bob, key=key)
    part = await undoes(demo.staff, "reversal", paid, "15.00")

    again = await alice.sends("40.00", bob, key=key)

    assert part.status_code == 201, part.text
    assert (again.status_code, again.json()["state"]) == (201, "partially_refunded")
    assert again.json()["posted_at"] == paid.json()["posted_at"]


@pytest.mark.case("G6")
async def test_what_is_left_comes_back_where_no_amount_is_named(demo: Town) -> None:
    alice, _, paid = await sent(demo)
    await undoes(demo.staff, "reversal", paid, "15.50")

    rest = await undoes(demo.staff, "reversal", paid)
    more = await undoes(demo.staff, "reversal", paid)

    assert rest.json()["amount"] == amount("24.50")
    assert refused(more) == (422, "reversal_exceeds_original")
    assert await alice.balance(rest) == "100.00"


@pytest.mark.case("G6")
async def test_of_ten_reversals_at_once_one_wins(demo: Town) -> None:
    _, bob, paid = await sent(demo)

    said = await asyncio.gather(*(undoes(demo.staff, "reversal", paid) for _ in range(10)))

    assert sorted(one.status_code for one in said) == [201, *[422] * 9]
    assert {one.json()["code"] for one in said if one.status_code == 422} == {
        "reversal_exceeds_original"
    }
    assert await bob.balance(next(one for one in said if one.status_code == 201)) == "0.00"


async def test_a_repeat_under_its_key_is_the_same_reversal_though_nothing_is_left(
    demo: Town,
) -> None:
    _, _, paid = await sent(demo)
    key = uuid.uuid4().hex

    once = await undoes(demo.staff, "reversal", paid, key=key)
    twice = await undoes(demo.staff, "reversal", paid, key=key)
    other = await undoes(demo.staff, "reversal", paid, "1.00", key=key)

    assert (once.status_code, twice.status_code) == (201, 201)
    assert once.json()["id"] == twice.json()["id"]
    assert refused(other) == (409, "idempotency_key_reused")


@pytest.mark.case("G6")
async def test_a_movement_of_another_operator_is_not_found(demo: Town, other: Town) -> None:
    _, _, paid = await sent(demo)

    assert refused(await undoes(other.staff, "reversal", paid)) == (422, "original_not_found")


@pytest.mark.case("G6")
async def test_a_reversal_is_not_reversed(demo: Town) -> None:
    _, _, paid = await sent(demo)
    reversed_ = await undoes(demo.staff, "reversal", paid)

    assert refused(await undoes(demo.staff, "reversal", reversed_)) == (422, "not_reversible")


async def test_what_was_refused_has_nothing_to_take_back(demo: Town) -> None:
    alice, bob = await demo.customer("1"), await demo.customer()
    no = await alice.sends("40.00", bob)
    paid = httpx.Response(201, json={"id": no.json()["movement_id"]})

    assert refused(await undoes(demo.staff, "reversal", paid)) == (422, "original_not_posted")


async def test_only_staff_reverse(demo: Town) -> None:
    alice, _, paid = await sent(demo)

    assert refused(await undoes(alice.person, "reversal", paid)) == (403, "insufficient_scope")


async def test_wallets_are_the_originals_and_no_callers(demo: Town) -> None:
    alice, _, paid = await sent(demo)

    named = await undoes(demo.staff, "reversal", paid, payer=alice.wallet)

    assert named.status_code == 422
    assert await alice.balance(paid) == "60.00"


async def test_a_merchant_refunds_in_pieces(demo: Town) -> None:
    alice, shop, paid = await paid_shop(demo)

    first = await undoes(shop.person, "refund", paid, "15.00")
    second = await undoes(shop.person, "refund", paid)
    more = await undoes(shop.person, "refund", paid, "1.00")

    assert (first.status_code, second.json()["amount"]) == (201, amount("25.00"))
    assert refused(more) == (422, "reversal_exceeds_original")
    assert await alice.balance(second) == "100.00"
    original = (await alice.person.get(paid.headers["Location"], after=second)).json()
    assert (original["state"], len(original["links"]["taken_back_by"])) == ("reversed", 2)


async def test_a_merchant_refunds_no_payment_of_anothers(demo: Town) -> None:
    _, _, paid = await paid_shop(demo)
    stranger = demo.somebody(MERCHANT)
    clerk = demo.somebody([*scopes()])

    assert refused(await undoes(stranger, "refund", paid)) == (403, "not_your_wallet")
    assert (await undoes(clerk, "refund", paid)).status_code == 201


async def test_what_is_no_merchants_payment_is_not_refunded(demo: Town) -> None:
    _, _, paid = await sent(demo)

    assert refused(await undoes(demo.staff, "refund", paid)) == (422, "not_reversible")


@pytest.mark.case("G6")
async def test_a_receiver_who_has_spent_it_keeps_the_rest(demo: Town) -> None:
    alice, bob, paid = await sent(demo)
    await bob.sends("30.00", alice)

    assert refused(await undoes(demo.staff, "reversal", paid)) == (422, "insufficient_funds")
    assert await bob.balance(await undoes(demo.staff, "reversal", paid, "10.00")) == "0.00"


async def test_a_lien_takes_of_later_credits_until_all_is_back(demo: Town) -> None:
    alice, bob, paid = await sent(demo)
    carol = await demo.customer()
    await bob.sends("30.00", carol)

    waits = await undoes(demo.staff, "reversal", paid, if_short="lien")
    await until_left(bob, "0.00")
    await carol.sends("25.00", bob)
    await until_left(bob, "0.00")
    await alice.sends("20.00", bob)
    await until_left(bob, "15.00")

    assert (waits.status_code, waits.json()["state"]) == (202, "pending_partner")
    await until_left(alice, "80.00")
    told = await demo.staff.get(waits.headers["Location"])
    assert told.json()["state"] == "posted"


async def until_left(holder: Holder, value: str) -> None:
    """Wait until so much is in the wallet."""
    async with asyncio.timeout(PATIENCE_S):
        while await holder.balance() != value:  # noqa: ASYNC110 - it is another process's
            await asyncio.sleep(0.1)
