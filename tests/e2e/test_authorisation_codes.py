"""One-time codes over the API: a customer's yes beforehand, for one payment and no other."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.e2e.opening import ask
from tests.e2e.town import CUSTOMER, Holder, Town, amount

MAY = ["authorisation-codes:write"]


async def payer(town: Town, value: str = "100") -> Holder:
    """A customer with that much, who may make codes."""
    alice = await town.customer(value)
    claims = town.claims(alice.person.subject, [*CUSTOMER, *MAY])
    return replace(alice, person=replace(alice.person, token=town.sign(claims)))


async def merchant(town: Town) -> Holder:
    scopes = [*CUSTOMER, "movements:payment-request"]
    return await town.wallet(town.somebody(scopes), "merchant")


async def coded(alice: Holder, value: str = "10.00", **more: Any) -> dict[str, Any]:
    body = {"amount": amount(value), **more}
    made = await alice.person.post(f"/v1/wallets/{alice.wallet}/authorisation-codes", body)
    assert made.status_code == 201, made.text
    return made.json()


async def asks(shop: Holder, alice: Holder, value: str, code: str, **more: Any) -> httpx.Response:
    return await shop.person.move(
        "payment-request", value, merchant=shop.wallet, customer=alice.wallet,
        authorisation_code=code, **more,
    )  # fmt: skip


async def states(alice: Holder) -> list[str]:
    found = await alice.person.get(f"/v1/wallets/{alice.wallet}/authorisation-codes")
    return [one["state"] for one in found.json()["items"]]


async def test_a_payment_with_a_code_is_made_at_once_and_once(demo: Town) -> None:
    alice, shop = await payer(demo), await merchant(demo)
    code = await coded(alice)

    paid = await asks(shop, alice, "10.00", code["code"])
    again = await asks(shop, alice, "10.00", code["code"])

    assert (paid.status_code, paid.json()["state"]) == (201, "posted"), paid.text
    assert (again.status_code, again.json()["code"]) == (422, "authorisation_code_refused")
    assert (await shop.balance(paid), await alice.balance(paid)) == ("10.00", "90.00")
    assert code["code"] not in paid.text
    assert await states(alice) == ["used"]


async def test_of_payments_with_one_code_at_once_one_is_made(demo: Town) -> None:
    alice, shop = await payer(demo), await merchant(demo)
    code = (await coded(alice))["code"]

    said = await asyncio.gather(*(asks(shop, alice, "10.00", code) for _ in range(5)))

    assert sorted(one.status_code for one in said) == [201, 422, 422, 422, 422]
    refused = {one.json()["code"] for one in said if one.status_code == 422}
    assert refused <= {"authorisation_code_used", "authorisation_code_refused"}
    assert await alice.balance(next(one for one in said if one.status_code == 201)) == "90.00"


async def test_a_repeat_under_its_key_is_the_same_payment(demo: Town) -> None:
    alice, shop = await payer(demo), await merchant(demo)
    code = (await coded(alice))["code"]

    said = [await asks(shop, alice, "10.00", code, key=f"key-{alice.wallet}") for _ in range(2)]

    assert [one.status_code for one in said] == [201, 201]
    assert said[0].json()["id"] == said[1].json()["id"]


@pytest.mark.parametrize(
    ("kind", "value", "good"),
    [("exact", "9.99", False), ("exact", "10.00", True), ("maximum", "9.99", True),
     ("maximum", "10.01", False)],
)  # fmt: skip
async def test_a_code_is_good_for_its_amount(demo: Town, kind: str, value: str, good: bool) -> None:
    alice, shop = await payer(demo), await merchant(demo)
    code = (await coded(alice, amount_type=kind))["code"]

    said = await asks(shop, alice, value, code)

    assert said.status_code == (201 if good else 422), said.text
    if not good:
        assert "10.00" in said.json()["detail"]
        assert await states(alice) == ["active"]


async def test_wrong_codes_lock_it_and_a_cancelled_one_is_good_for_nothing(demo: Town) -> None:
    alice, shop = await payer(demo), await merchant(demo)
    cancelled, guessed = await coded(alice), await coded(alice)
    where = f"/v1/wallets/{alice.wallet}/authorisation-codes/{cancelled['id']}"
    assert (await ask(alice.person, where, "DELETE")).status_code == 204

    said = [await asks(shop, alice, "10.00", "0000000000") for _ in range(5)]
    late = [await asks(shop, alice, "10.00", one["code"]) for one in (cancelled, guessed)]

    assert {one.json()["code"] for one in [*said, *late]} == {"authorisation_code_refused"}
    assert await states(alice) == ["locked", "cancelled"]
    assert await alice.balance() == "100.00"


async def test_nobody_says_yes_for_somebody_else(demo: Town, other: Town) -> None:
    alice, shop = await payer(demo), await merchant(demo)
    bob, far = await payer(demo), await merchant(other)
    code = await coded(alice)
    body, where = {"amount": amount("1.00")}, f"/v1/wallets/{alice.wallet}/authorisation-codes"

    told = [
        await bob.person.post(where, body),
        await demo.staff.post(where, body),
        await bob.person.get(where),
        await ask(bob.person, f"{where}/{code['id']}", "DELETE"),
    ]
    elsewhere = await asks(far, alice, "10.00", code["code"])
    of_another = await asks(shop, bob, "10.00", code["code"])
    smuggled = await shop.person.move(
        "payment-request", "10.00", merchant=shop.wallet, customer=alice.wallet,
        authorisation=code["id"],
    )  # fmt: skip

    assert {one.status_code for one in told} == {404}
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "wallet_not_found")
    assert of_another.json()["code"] == "authorisation_code_refused"
    assert smuggled.status_code == 422
    assert await states(alice) == ["active"]


async def test_a_payment_that_lacks_money_leaves_the_code(demo: Town) -> None:
    alice, shop = await payer(demo, "5"), await merchant(demo)
    code = (await coded(alice))["code"]

    refused = await asks(shop, alice, "10.00", code)

    assert (refused.status_code, refused.json()["code"]) == (422, "insufficient_funds")
    assert await states(alice) == ["active"]


@pytest.mark.parametrize(
    "wrong", [{"amount": amount("0.00")}, {"expires_in_s": 5}, {"amount_type": "any"}]
)
async def test_what_no_code_can_be_is_refused(demo: Town, wrong: dict[str, Any]) -> None:
    alice = await payer(demo)
    body = {"amount": amount("1.00")} | wrong

    answer = await alice.person.post(f"/v1/wallets/{alice.wallet}/authorisation-codes", body)

    assert answer.status_code == 422
