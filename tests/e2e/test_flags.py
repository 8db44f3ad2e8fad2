"""Flags and products over the API: only what a code list offers, and only by staff."""

import secrets

import pytest

from tests.e2e.opening import ask
from tests.e2e.town import Holder, Town

WHY = {"reason": "a case of the branch"}


@pytest.fixture
async def suspect(demo: Town) -> str:
    """An active code of the list of wallets."""
    code = f"S-{secrets.token_hex(4)}"
    path = f"/v1/code-lists/wallet-flags/values/{code}"
    put = await ask(demo.staff, path, "PUT", {"label": "Suspect"})
    assert put.status_code == 200, put.text
    return code


async def test_a_flag_is_put_on_listed_and_taken_off(
    demo: Town, alice: Holder, suspect: str
) -> None:
    path = f"/v1/wallets/{alice.wallet}/flags"
    body = {"list": "wallet-flags", "code": suspect, **WHY}

    on = await demo.staff.post(path, body)
    again = await demo.staff.post(path, body)
    read = await demo.staff.get(path)
    off = await ask(demo.staff, f"{path}/wallet-flags/{suspect}?reason=it+was+none", "DELETE")
    gone = await ask(demo.staff, f"{path}/wallet-flags/{suspect}?reason=it+was+none", "DELETE")

    assert (on.status_code, again.status_code) == (201, 201), on.text
    assert on.json() == again.json() == read.json()
    (flag,) = read.json()["items"]
    assert (flag["list"], flag["code"], flag["until"], flag["holds"]) == (
        "wallet-flags", suspect, None, True,
    )  # fmt: skip
    assert (off.status_code, off.json()) == (200, {"items": []})
    assert (gone.status_code, gone.json()["code"]) == (404, "flag_not_found")


async def test_a_code_that_is_unknown_or_no_longer_active_is_not_assigned(
    demo: Town, alice: Holder, suspect: str
) -> None:
    path = f"/v1/wallets/{alice.wallet}/flags"
    value = f"/v1/code-lists/wallet-flags/values/{suspect}"
    retired = {"label": "Suspect", "active": False}
    assert (await ask(demo.staff, value, "PUT", retired, If_Match='"1"')).status_code == 200

    inactive = await demo.staff.post(path, {"list": "wallet-flags", "code": suspect, **WHY})
    unknown = await demo.staff.post(path, {"list": "wallet-flags", "code": "NOBODY", **WHY})
    no_list = await demo.staff.post(path, {"list": "no-such-list", "code": suspect, **WHY})

    assert (inactive.status_code, inactive.json()["code"]) == (422, "code_inactive")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "code_unknown")
    assert (no_list.status_code, no_list.json()["code"]) == (422, "code_unknown")


async def test_a_customer_sees_no_flags_not_even_their_own(alice: Holder) -> None:
    answer = await alice.person.get(f"/v1/wallets/{alice.wallet}/flags")

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_another_tenants_wallet_is_not_found(
    other: Town, alice: Holder, suspect: str
) -> None:
    body = {"list": "wallet-flags", "code": suspect, **WHY}
    answer = await other.staff.post(f"/v1/wallets/{alice.wallet}/flags", body)

    assert answer.status_code == 404


async def test_a_wallet_is_of_a_product_of_its_kind(demo: Town) -> None:
    number, name = secrets.randbelow(2**30) + 1, secrets.token_hex(6)
    product = {"id": number, "kind": "customer", "name": name}
    wallet = {"kind": "customer", "currency": "KES", "name": "A name"}

    added = await demo.staff.post("/v1/products", product)
    twice = await demo.staff.post("/v1/products", product)
    read = await demo.staff.get(f"/v1/products/{number}")
    listed = await demo.staff.get("/v1/products?limit=200")
    msisdn = f"+2547{secrets.randbelow(10**8):08}"
    opened = await demo.staff.post("/v1/wallets", {**wallet, "msisdn": msisdn, "product": number})
    wrong = await demo.staff.post(
        "/v1/wallets", {**wallet, "kind": "agent", "msisdn": msisdn, "product": number}
    )

    assert added.status_code == 201, added.text
    assert (twice.status_code, twice.json()["code"]) == (409, "already_there")
    assert read.json() == added.json()
    assert added.json() in listed.json()["items"]
    assert (opened.status_code, opened.json()["product"]) == (201, number)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "product_unknown")
