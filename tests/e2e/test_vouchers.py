"""Vouchers through HTTP: sent to a number without a wallet, and paid out for the code."""

import asyncio
from hashlib import sha256
from typing import Any

import httpx
import psycopg
import pytest

from api.scopes import scopes
from tests.e2e.test_refusals import refused
from tests.e2e.town import Holder, Town, unique_msisdn

SENDER = frozenset({"movements:voucher", "movements:read", "wallets:read", "wallets:write"})
AGENT = frozenset({"movements:voucher:redeem", "movements:read", "wallets:read"})
WRONG = "0000000000"


@pytest.fixture
async def alice(demo: Town) -> Holder:
    """A customer with KES 100.00 who may send vouchers."""
    holder = await demo.wallet(demo.somebody(SENDER))
    till = await demo.funded("agent", "100")
    paid = await demo.staff.move("cash-in", "100", agent=till.wallet, customer=holder.wallet)
    await holder.balance(paid)
    return holder


@pytest.fixture
async def shop(demo: Town) -> Holder:
    """An agent without float, who may pay vouchers out."""
    return await demo.wallet(demo.somebody(AGENT), "agent")


async def sent(alice: Holder, to: str, value: str = "10.00", **how: Any) -> httpx.Response:
    body = {"sender": alice.wallet, "recipient": to, "amount": {"value": value, "currency": "KES"}}
    key = how.pop("key", None) or sha256(f"{to} {value}".encode()).hexdigest()
    return await alice.person.post("/v1/movements/voucher", body, key=key, **how)


async def redeem(at: Holder, msisdn: str, code: str, agent: str = "") -> httpx.Response:
    body = {"msisdn": msisdn, "code": code, "agent": agent or at.wallet}
    return await at.person.post("/v1/vouchers/redemptions", body)


async def test_an_agent_pays_a_voucher_out_for_number_and_code(alice: Holder, shop: Holder) -> None:
    number = unique_msisdn()
    issued = await sent(alice, number)
    code = issued.json()["code"]
    paid = await redeem(shop, number, code)
    again = await redeem(shop, number, code)

    assert issued.status_code == 202, issued.text
    assert issued.json()["expires_at"]
    assert (paid.status_code, paid.json()["state"]) == (201, "posted"), paid.text
    assert (again.status_code, again.json()["id"]) == (201, paid.json()["id"])
    assert await shop.balance(paid) == "10.00"
    assert await alice.balance(paid) == "90.00"


async def test_the_code_is_told_once(alice: Holder) -> None:
    number = unique_msisdn()
    first, repeat = await sent(alice, number), await sent(alice, number)
    read = await alice.person.get(f"/v1/movements/{first.json()['id']}")

    assert len(first.json()["code"]) == 10
    assert first.headers["Cache-Control"] == "no-store"
    assert repeat.json()["id"] == first.json()["id"]
    assert "code" not in repeat.json()
    assert "code" not in read.json()


async def test_the_same_key_for_another_number_is_another_request(alice: Holder) -> None:
    await sent(alice, unique_msisdn(), key="one-voucher")

    other = await sent(alice, unique_msisdn(), key="one-voucher")

    assert refused(other) == (409, "idempotency_key_reused")


async def test_number_and_code_stand_nowhere_in_clear(
    alice: Holder, books: psycopg.Connection
) -> None:
    number = unique_msisdn()
    issued = (await sent(alice, number)).json()
    kept = books.execute(
        """SELECT v::text || c::text || (SELECT string_agg(e.data::text, '')
                                           FROM messaging.event e
                                          WHERE e.aggregate_id = v.movement_id)
             FROM vouchers.voucher v JOIN movements.command c USING (tenant_id, movement_id)
            WHERE v.movement_id = %s""",
        [issued["id"]],
    ).fetchone()

    assert kept is not None
    assert number not in kept[0]
    assert issued["code"] not in kept[0]


async def test_a_number_that_has_a_wallet_gets_no_voucher(demo: Town, alice: Holder) -> None:
    bob = await demo.customer()

    answer = await sent(alice, bob.alias.removeprefix("msisdn:"))

    assert refused(answer) == (422, "recipient_registered")


async def test_a_wrong_code_and_an_unknown_number_are_answered_alike(
    alice: Holder, shop: Holder
) -> None:
    number = unique_msisdn()
    await sent(alice, number)

    wrong = await redeem(shop, number, WRONG)
    unknown = await redeem(shop, unique_msisdn(), WRONG)

    assert refused(wrong) == refused(unknown) == (422, "voucher_refused")
    assert wrong.json() == unknown.json()


async def test_after_five_wrong_codes_the_right_one_waits_for_staff(
    demo: Town, alice: Holder, shop: Holder
) -> None:
    number = unique_msisdn()
    issued = (await sent(alice, number)).json()
    tries = await asyncio.gather(*(redeem(shop, number, WRONG) for _ in range(8)))
    locked = await redeem(shop, number, issued["code"])
    seen = await alice.person.get(f"/v1/vouchers/{issued['id']}")
    own = await alice.person.post(f"/v1/vouchers/{issued['id']}/unlock")
    unlocked = await demo.staff.post(f"/v1/vouchers/{issued['id']}/unlock")
    paid = await redeem(shop, number, issued["code"])

    assert {one.status_code for one in tries} == {422}
    assert refused(locked) == (422, "voucher_refused")
    assert (seen.json()["recipient"], seen.json()["locked"]) == (number, True)
    assert refused(own) == (403, "insufficient_scope")
    assert unlocked.status_code == 204, unlocked.text
    assert paid.status_code == 201, paid.text


async def test_right_codes_of_two_vouchers_of_a_number_use_up_no_tries(
    alice: Holder, shop: Holder
) -> None:
    number = unique_msisdn()
    first, second = (await sent(alice, number)).json(), (await sent(alice, number, "2.00")).json()

    await redeem(shop, number, second["code"])
    left = await alice.person.get(f"/v1/vouchers/{first['id']}")
    paid = await redeem(shop, number, first["code"])

    assert left.json()["tries_left"] == 5
    assert (paid.status_code, paid.json()["id"]) == (201, first["id"])


async def test_two_agents_with_the_same_code_at_once_pay_out_once(
    demo: Town, alice: Holder, shop: Holder
) -> None:
    number, other = unique_msisdn(), await demo.wallet(demo.somebody(AGENT), "agent")
    code = (await sent(alice, number)).json()["code"]

    both = await asyncio.gather(redeem(shop, number, code), redeem(other, number, code))

    won = [one for one in both if one.status_code == 201]
    assert len(won) == 1, [one.text for one in both]
    assert sorted([await shop.balance(won[0]), await other.balance(won[0])]) == ["0.00", "10.00"]


async def test_nobody_pays_out_of_another_agents_wallet(
    demo: Town, alice: Holder, shop: Holder
) -> None:
    number = unique_msisdn()
    code = (await sent(alice, number)).json()["code"]
    thief = await demo.wallet(demo.somebody(AGENT), "agent")

    theirs = await redeem(thief, number, code, agent=shop.wallet)
    nobodys = await redeem(shop, number, code, agent="msisdn:+254799999999")

    assert refused(theirs) == (403, "not_your_wallet")
    assert refused(nobodys) == (422, "wallet_not_found")


async def test_only_an_agent_is_paid_for_cash(demo: Town, alice: Holder) -> None:
    number = unique_msisdn()
    code = (await sent(alice, number)).json()["code"]
    customer = await demo.wallet(demo.somebody(AGENT))

    assert refused(await redeem(customer, number, code)) == (422, "wallet_kind_invalid")


async def test_another_operator_knows_nothing_of_it(other: Town, alice: Holder) -> None:
    number = unique_msisdn()
    issued = (await sent(alice, number)).json()
    stranger = await other.wallet(other.somebody(scopes()), "agent")

    assert refused(await redeem(stranger, number, issued["code"])) == (422, "voucher_refused")
    read = await other.staff.get(f"/v1/vouchers/{issued['id']}")
    unlocked = await other.staff.post(f"/v1/vouchers/{issued['id']}/unlock")
    assert refused(read) == refused(unlocked) == (404, "movement_not_found")


async def test_it_goes_by_itself_to_the_wallet_that_is_opened_for_the_number(
    demo: Town, alice: Holder
) -> None:
    number = unique_msisdn()
    issued = (await sent(alice, number)).json()
    body = {"kind": "customer", "msisdn": number, "currency": "KES", "name": "New"}
    person = demo.somebody()
    opened = await person.post("/v1/wallets", body)
    newcomer = Holder(person, opened.json()["id"], opened.json()["alias"])

    async with asyncio.timeout(20):
        while await newcomer.balance() != "10.00":  # noqa: ASYNC110 - the waker is on its way
            await asyncio.sleep(0.1)
    assert (await alice.person.get(f"/v1/movements/{issued['id']}")).json()["state"] == "posted"
