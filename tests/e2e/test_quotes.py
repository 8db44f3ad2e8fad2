"""Quotes over the API: a price that is promised, kept once, and by nothing else than it is for."""

import asyncio
import uuid
from typing import Any

import httpx
import psycopg
import pytest

from tests.e2e.ruling import sender
from tests.e2e.test_limits import CONTENT, FEE, PROFILES, new, set_for
from tests.e2e.town import Holder, Town, amount


def charging(fee: str) -> dict[str, Any]:
    content = FEE | {"charges": [FEE["charges"][0] | {"schedule": {"kind": "flat", "amount": fee}}]}
    return {"movement": "p2p-transfer", "currency": "KES", "title": "Fee", "content": content}


async def quoted(alice: Holder, bob: Holder, value: str = "10.00", **more: Any) -> httpx.Response:
    body = {"sender": alice.wallet, "recipient": bob.wallet, "amount": amount(value), **more}
    return await alice.person.post("/v1/quotes/p2p-transfer", body)


async def test_a_movement_keeps_its_quote_though_the_tariff_has_changed_since(
    demo: Town, books: psycopg.Connection
) -> None:
    (alice, number), bob = await sender(demo, books, "100"), await demo.customer()
    await set_for(demo, number, "/v1/tariffs", charging("1.00"))
    quote = (await quoted(alice, bob)).json()
    tariff = quote["tariff"]["id"]
    dearer = {"version": 1, "title": "Dearer", "content": charging("7.00")["content"]}
    changed = await demo.staff.http.put(
        f"/v1/tariffs/{tariff}", json=dearer,
        headers={"Authorization": f"Bearer {demo.staff.token}"},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text

    kept = await alice.sends("10.00", bob, quote=quote["quote"])
    now = await alice.sends("10.00", bob)

    assert (quote["pays"], quote["receives"]) == (amount("11.20"), amount("10.00"))
    assert [one["value"] for one in kept.json()["fees"]] == ["1.00"], kept.text
    assert [one["value"] for one in now.json()["fees"]] == ["7.00"]
    record = (await demo.staff.get(f"{kept.headers['Location']}/timeline", after=kept)).text
    assert quote["id"] in record


async def test_a_quote_is_kept_once_however_many_name_it(demo: Town) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    quote = (await quoted(alice, bob)).json()["quote"]

    said = await asyncio.gather(*(alice.sends("10.00", bob, quote=quote) for _ in range(5)))

    assert sorted(one.status_code for one in said) == [201, 422, 422, 422, 422]
    assert {one.json()["code"] for one in said if one.status_code == 422} == {"quote_used"}
    assert await bob.balance(next(one for one in said if one.status_code == 201)) == "10.00"


async def test_a_repeat_under_its_key_is_answered_with_the_movement(demo: Town) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    quote, key = (await quoted(alice, bob)).json()["quote"], uuid.uuid4().hex

    said = [await alice.sends("10.00", bob, quote=quote, key=key) for _ in range(2)]
    without = await alice.sends("10.00", bob, key=key)

    assert [one.status_code for one in said] == [201, 201]
    assert said[0].json()["id"] == said[1].json()["id"]
    assert (without.status_code, without.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_quote_is_good_for_nothing_else(demo: Town, other: Town) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    far, near = await other.customer("100"), await other.customer()
    quote = (await quoted(alice, bob)).json()["quote"]
    head, payload, signature = quote.split(".")

    said = [
        await alice.sends("10.01", bob, quote=quote),
        await alice.sends("10.00", await demo.customer(), quote=quote),
        await alice.sends("10.00", bob, quote=quote, amount_type="send"),
        await alice.sends("10.00", bob, quote=f"{head}.{payload}.{signature[:-4]}AAAA"),
        await alice.sends("10.00", bob, quote=alice.person.token),
        await far.sends("10.00", near, quote=quote),
    ]

    assert {(one.status_code, one.json()["code"]) for one in said} == {(422, "quote_invalid")}
    assert await alice.balance() == "100.00"


async def test_a_quote_previews_what_limits_would_say(
    demo: Town, books: psycopg.Connection
) -> None:
    (alice, number), bob = await sender(demo, books, "100"), await demo.customer()
    await set_for(demo, number, PROFILES, await new(demo, number))

    small, large = await quoted(alice, bob, "20.00"), await quoted(alice, bob, "20.01")

    assert small.json()["preview"]["comes_to"] == "allow"
    assert large.json()["preview"]["code"] == "greater_than_transaction_max_value"
    assert "20.00" in large.json()["preview"]["reason"]


async def test_only_who_may_ask_for_the_movement_gets_a_quote_for_it(demo: Town) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    body = {"sender": alice.wallet, "recipient": bob.wallet, "amount": amount("10.00")}
    nobody = body | {"recipient": str(uuid.uuid4())}

    stranger = await bob.person.post("/v1/quotes/p2p-transfer", body)
    unknown = await alice.person.post("/v1/quotes/p2p-transfer", nobody)
    free = await alice.person.post("/v1/quotes/emoney-issuance", body)

    assert (stranger.status_code, stranger.json()["code"]) == (403, "not_your_wallet")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "wallet_not_found")
    assert free.status_code == 404


async def test_limits_tell_what_is_used_and_left_and_count_no_refusal(
    demo: Town, books: psycopg.Connection
) -> None:
    (alice, number), bob = await sender(demo, books, "90"), await demo.customer()
    capped = [{"direction": "out", "max": "20.00", "daily": {"value": "30.00", "count": 2}}]
    content = CONTENT | {"limits": capped}
    await set_for(demo, number, PROFILES, await new(demo, number, content=content))
    await alice.sends("12.50", bob)
    await alice.sends("20.01", bob)

    told = (await alice.person.get(f"/v1/wallets/{alice.wallet}/limits")).json()

    (daily,) = told["limits"]
    assert daily["value"] == {"cap": "30.00", "used": "12.50", "left": "17.50"}
    assert daily["count"] == {"cap": 2, "used": 1, "left": 1}
    assert told["bounds"] == [
        {"direction": "out", "movement": None, "channel": None, "min": None, "max": "20.00"}
    ]
    assert told["balance"] == {"cap": "100.00", "used": "77.50", "left": "22.50"}


async def test_a_wallet_without_a_profile_has_no_limits(demo: Town) -> None:
    alice = await demo.customer("1")

    told = (await alice.person.get(f"/v1/wallets/{alice.wallet}/limits")).json()

    assert (told["profile"], told["limits"], told["balance"]) == (None, [], None)


@pytest.mark.parametrize("whose", ["stranger", "other tenant"])
async def test_limits_are_shown_to_nobody_else(demo: Town, other: Town, whose: str) -> None:
    alice = await demo.customer("1")
    asking = (await (demo if whose == "stranger" else other).customer()).person

    assert (await asking.get(f"/v1/wallets/{alice.wallet}/limits")).status_code == 404
