"""Limit profiles and prices over the API: set by one, approved by another, and then they bind."""

from typing import Any

import psycopg
import pytest

from tests.e2e.opening import ask
from tests.e2e.ruling import give_product, product
from tests.e2e.town import Person, Town

PROFILES = "/v1/limit-profiles"
CONTENT = {
    "currency": "KES", "balance": "100.00",
    "limits": [{"direction": "out", "max": "20.00", "daily": {"count": 2}}],
}  # fmt: skip
FEE = {
    "currency": "KES",
    "charges": [
        {"name": "fee", "payer": "sender", "tax": "0.20",
         "schedule": {"kind": "flat", "amount": "1.00"}}
    ],
}  # fmt: skip


async def new(town: Town, number: int | None = None, **more: Any) -> dict[str, Any]:
    """The body of a profile for customers of a product of their own."""
    about = {"wallet_kind": "customer", "tier": 1, "currency": "KES", "title": "Tier 1"}
    return about | {"product": number or await product(town), "content": CONTENT} | more


async def set_for(town: Town, number: int, path: str, body: dict[str, Any]) -> None:
    """Set terms; the demo's need no second person."""
    answer = await town.staff.post(path, body | {"product": number})
    assert (answer.status_code, answer.json()["state"]) == (201, "active"), answer.text


async def test_limits_bind_the_movement_after_they_are_set(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    number = await product(demo)
    give_product(books, alice.wallet, number)
    await set_for(demo, number, PROFILES, await new(demo, number))

    said = [await alice.sends(amount, bob) for amount in ("20.01", "20.00", "1.00", "1.00")]

    assert [one.status_code for one in said] == [422, 201, 201, 422]
    assert said[0].json()["code"] == "greater_than_transaction_max_value"
    assert said[3].json()["code"] == "daily_volume_limit_exceeded"


async def test_a_fee_is_paid_the_movement_after_its_tariff_is_set(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    number = await product(demo)
    give_product(books, alice.wallet, number)
    terms = {"movement": "p2p-transfer", "currency": "KES", "title": "One", "content": FEE}
    await set_for(demo, number, "/v1/tariffs", terms)

    sent = await alice.sends("10.00", bob)

    assert sent.status_code == 201, sent.text
    assert await alice.balance(sent) == "88.80"
    assert await bob.balance(sent) == "10.00"


@pytest.mark.case("G3")
async def test_the_fee_comes_on_top_of_what_may_be_spent(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, bob = await demo.customer("11.20"), await demo.customer()
    number = await product(demo)
    give_product(books, alice.wallet, number)
    terms = {"movement": "p2p-transfer", "currency": "KES", "title": "One", "content": FEE}
    await set_for(demo, number, "/v1/tariffs", terms)

    a_cent_more = await alice.sends("10.01", bob)
    all_of_it = await alice.sends("10.00", bob)

    assert (a_cent_more.status_code, a_cent_more.json()["code"]) == (422, "insufficient_funds")
    assert all_of_it.status_code == 201, all_of_it.text
    assert await alice.balance(all_of_it) == "0.00"


async def test_a_merchant_bears_the_discount_and_the_answer_tells_who_bears_what(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, shop = await demo.customer("100"), await demo.wallet(demo.somebody(), "merchant")
    number = await product(demo)
    give_product(books, alice.wallet, number)
    discount = {"name": "discount", "payer": "receiver", "tax": "0.20",
                "schedule": {"kind": "percent", "rate": "0.01"}}  # fmt: skip
    content = {"currency": "KES", "charges": [discount], "levy": {"rate": "0.02"}}
    terms = {"movement": "merchant-payment", "currency": "KES", "title": "MDR", "content": content}
    await set_for(demo, number, "/v1/tariffs", terms)

    paid = await demo.staff.move(
        "merchant-payment", "50.00", customer=alice.wallet, merchant=shop.wallet, reference="Till 4"
    )

    assert paid.status_code == 201, paid.text
    told = (paid.json(), (await demo.staff.get(paid.headers["Location"], after=paid)).json())
    for movement in told:
        assert [(one["borne_by"], one["value"]) for one in movement["fees"]] == [("payee", "0.50")]
        assert [(one["borne_by"], one["value"]) for one in movement["taxes"]] == [
            ("payee", "0.10"), ("payer", "1.00")]  # fmt: skip
        assert set(movement["parties"]) == {"payer", "payee"}
    assert (await alice.balance(paid), await shop.balance(paid)) == ("49.00", "49.40")


async def test_a_profile_waits_for_a_second_person_and_is_nobody_elses(
    demo: Town, other: Town
) -> None:
    checker = other.somebody(["limit-profiles:read", "limit-profiles:approve"], name="checker")
    made = (await other.staff.post(PROFILES, await new(other))).json()
    where = f"{PROFILES}/{made['id']}"
    yes = {"number": 1, "decision": "approve"}

    own = await other.staff.post(f"{where}/decisions", yes)
    approved = await checker.post(f"{where}/decisions", yes)
    nobody = await demo.staff.get(where)
    listed = (await checker.get(f"{PROFILES}?wallet_kind=customer")).json()["items"]
    following = await ask(other.staff, where, "PUT", {
        "version": 1, "title": "Next", "content": {"currency": "KES"}})  # fmt: skip
    ended = await ask(other.staff, where, "DELETE")

    assert (made["state"], own.status_code, own.json()["code"]) == ("pending", 403, "maker_may_not")
    assert (approved.status_code, approved.json()["state"]) == (200, "active")
    assert nobody.status_code == 404
    assert made["id"] in {one["id"] for one in listed}
    assert (following.status_code, following.json()["number"]) == (200, 2)
    assert (ended.status_code, ended.json()["wanted"]) == (200, "retired")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"content": {"currency": "KES", "limits": [{"direction": "out"}]}}, "/content/limits/0"),
        ({"content": {"currency": "USD"}}, "/content/currency"),
        ({"currency": "USD"}, "/currency"),
        ({"content": {"currency": "KES", "limits": [
            {"direction": "in", "movement": "cash-inn", "max": "1"}]}}, "/content"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_profile_is_told_with_its_place(
    demo: Town, change: dict[str, Any], pointer: str
) -> None:
    answer = await demo.staff.post(PROFILES, await new(demo) | change)

    assert (answer.status_code, answer.json()["code"]) == (422, "profile_invalid")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_without_the_scope_nobody_sets_or_approves_a_profile(demo: Town) -> None:
    reader: Person = demo.somebody(["limit-profiles:read"])

    refused = [
        await reader.post(PROFILES, await new(demo)),
        await reader.post(f"{PROFILES}/{'0' * 8}-0000-4000-8000-000000000000/decisions",
                          {"number": 1, "decision": "approve"}),
    ]  # fmt: skip

    assert {one.status_code for one in refused} == {403}
