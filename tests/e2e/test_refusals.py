"""What the platform declines, code by code, and money that parallel callers cannot double."""

import asyncio
import uuid

import httpx
import psycopg
import pytest

from mmo.kernel.refusals import REFUSALS
from tests.e2e.town import Holder, Town
from workers.demo.seed import DEMO


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["type"] == f"urn:mmo:problem:{told['code']}"
    if told["code"] in REFUSALS:
        assert told["title"] == REFUSALS[told["code"]]
    return answer.status_code, told["code"]


@pytest.mark.case("G3")
async def test_all_of_a_balance_can_be_spent_and_not_a_cent_more(demo: Town) -> None:
    alice, bob = await demo.customer("10.01"), await demo.customer()

    over = await alice.sends("10.02", bob)
    exact = await alice.sends("10.01", bob)
    after = await alice.sends("0.01", bob)

    assert refused(over) == (422, "insufficient_funds")
    assert exact.status_code == 201
    assert refused(after) == (422, "insufficient_funds")
    assert await alice.balance(after) == "0.00"


class TestAFrozenWallet:
    async def test_neither_pays_nor_is_paid(self, demo: Town) -> None:
        alice, bob = await demo.customer("10"), await demo.customer("10")
        await demo.staff.post(f"/v1/wallets/{alice.wallet}/freeze")

        assert refused(await alice.sends("1", bob)) == (422, "wallet_frozen")
        assert refused(await bob.sends("1", alice)) == (422, "wallet_frozen")

        await demo.staff.post(f"/v1/wallets/{alice.wallet}/unfreeze")
        assert (await bob.sends("1", alice)).status_code == 201

    async def test_is_closed_by_staff_when_it_is_empty(self, demo: Town) -> None:
        alice = await demo.customer()
        await alice.person.post(f"/v1/wallets/{alice.wallet}/freeze")

        closed = await demo.staff.post(f"/v1/wallets/{alice.wallet}/close")

        assert closed.json()["state"] == "closed"


class TestAClosedWallet:
    async def test_takes_no_part_any_more(self, demo: Town) -> None:
        alice, bob = await demo.customer(), await demo.customer("10")
        full = await bob.person.post(f"/v1/wallets/{bob.wallet}/close")
        assert refused(full) == (409, "wallet_not_empty")
        closed = await alice.person.post(f"/v1/wallets/{alice.wallet}/close")
        assert (closed.status_code, closed.json()["state"]) == (200, "closed")

        assert refused(await bob.sends("1", alice)) == (422, "wallet_closed")
        frozen = await alice.person.post(f"/v1/wallets/{alice.wallet}/freeze")
        assert refused(frozen) == (409, "wallet_closed")
        by_alias = await bob.person.sends("1", bob.wallet, alice.alias)
        assert refused(by_alias) == (422, "wallet_not_found"), "the alias is free"

    async def test_leaves_its_number_to_the_next(self, demo: Town) -> None:
        alice = await demo.customer()
        body = {
            "kind": "customer",
            "msisdn": alice.alias.removeprefix("msisdn:"),
            "currency": "KES",
            "name": "The next",
        }
        taken = await demo.somebody().post("/v1/wallets", body)
        assert refused(taken) == (409, "alias_taken")
        await alice.person.post(f"/v1/wallets/{alice.wallet}/close")

        assert (await demo.somebody().post("/v1/wallets", body)).status_code == 201


async def test_emoney_for_a_frozen_wallet_is_refused_at_once_though_one_person_would_release_it(
    demo: Town,
) -> None:
    chief = await demo.wallet(demo.staff, "super_agent")
    await demo.staff.post(f"/v1/wallets/{chief.wallet}/freeze")

    answer = await demo.staff.move(
        "emoney-issuance", "1", recipient=chief.wallet, bank_reference="TEST 1"
    )

    assert refused(answer) == (422, "wallet_frozen")


@pytest.mark.case("G2")
async def test_nobody_sends_to_the_wallet_that_pays(demo: Town) -> None:
    alice = await demo.customer("10")
    names = [(alice.wallet, alice.wallet), (alice.alias, alice.alias), (alice.wallet, alice.alias)]

    answers = [await alice.person.sends("1", *pair) for pair in names]

    assert [refused(answer) for answer in answers] == [(422, "same_party")] * 3
    assert await alice.balance() == "10.00"


async def test_a_wallet_of_the_wrong_kind_cannot_stand_there(demo: Town) -> None:
    alice, agent = await demo.customer("10"), await demo.funded("agent", "5")

    sent = await alice.sends("1", agent)
    topped = await demo.staff.move("float-top-up", "1", payer=agent.wallet, payee=alice.wallet)

    assert refused(sent) == refused(topped) == (422, "wallet_kind_invalid")


async def test_money_of_one_currency_does_not_go_into_a_wallet_of_another(other: Town) -> None:
    carol, dan = await other.customer("10"), await other.customer("10000", "UGX")

    across = await carol.sends("1", dan)
    foreign = await carol.sends("1", await other.customer(), currency="UGX")
    good = await dan.sends("1", await other.customer(currency="UGX"), currency="UGX")

    assert refused(across) == refused(foreign) == (422, "currency_mismatch")
    assert good.status_code == 201
    assert good.json()["amount"] == {"value": "1", "currency": "UGX"}


async def test_a_wallet_is_opened_in_a_currency_of_the_tenant_only(demo: Town) -> None:
    body = {"kind": "customer", "msisdn": "+254733000111", "currency": "UGX", "name": "Ada"}

    assert refused(await demo.somebody().post("/v1/wallets", body)) == (422, "currency_mismatch")


async def test_an_unknown_wallet_is_named_by_its_field(demo: Town) -> None:
    alice = await demo.customer("10")
    for unknown in (str(uuid.uuid4()), "msisdn:+254799999999999"):
        answer = await alice.person.sends("1", alice.wallet, unknown)
        assert refused(answer) == (422, "wallet_not_found")
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/recipient"]
        assert unknown not in answer.text


async def test_a_wallet_holds_no_more_than_its_ceiling(
    demo: Town, books: psycopg.Connection
) -> None:
    alice, bob = await demo.customer("100"), await demo.customer("10")
    books.execute(
        """SELECT ledger.set_account_limits(tenant_id, (accounts ->> 'wallet')::bigint, 0, 5000)
             FROM wallets.wallet WHERE tenant_id = %s AND id = %s""",
        [DEMO.id, bob.wallet],
    )

    over = await alice.sends("40.01", bob)
    exact = await alice.sends("40", bob)

    assert refused(over) == (422, "balance_ceiling_exceeded")
    assert over.json()["details"] == {"ceiling": "50.00", "balance": "50.01"}
    assert exact.status_code == 201


NO_AMOUNTS = [
    "0", "0.00", "-1", "-0", "+5", "01", "1,000", "", " 1", "1 ", "1.", ".5", "1e3", "1_000",
    "0x10", "NaN", "Infinity", "0.001", "1.00000", "\uff11\uff12", "\u0665\u0660", "1\n",
    "10000000000000.01", "99999999999999", "9" * 17, "9" * 5000,
]  # fmt: skip


@pytest.mark.case("G1")
@pytest.mark.parametrize("value", NO_AMOUNTS, ids=lambda value: repr(value)[:16])
async def test_what_is_no_amount_is_refused_before_anything_happens(demo: Town, value) -> None:
    alice, bob = await demo.customer(), await demo.customer()

    answer = await alice.sends(value, bob)

    assert refused(answer) == (422, "amount_invalid")
    assert (await alice.person.get("/v1/movements")).json()["items"] == []


@pytest.mark.parametrize(
    "amount",
    [
        {"value": 5, "currency": "KES"},
        {"value": True, "currency": "KES"},
        {"value": None, "currency": "KES"},
        {"value": ["5"], "currency": "KES"},
        {"value": "5"},
        {"currency": "KES"},
        {"value": "5", "currency": "KES", "minor": 500},
        "5",
        5,
        None,
        [],
    ],
    ids=str,
)
async def test_an_amount_is_two_texts(demo: Town, amount) -> None:
    alice, bob = await demo.customer(), await demo.customer()
    body = {"sender": alice.wallet, "recipient": bob.wallet, "amount": amount}

    answer = await alice.person.post("/v1/movements/p2p-transfer", body, key=uuid.uuid4().hex)

    assert refused(answer) == (422, "validation")
    assert answer.json()["errors"][0]["pointer"] == "/amount"


@pytest.mark.parametrize(
    "currency", ["xxx", "kes", "KE", "KESS", "ZZZ", "XAU", "", "\uff2b\uff25\uff33"]
)
@pytest.mark.case("F8")
async def test_a_currency_is_one_of_iso_4217(demo: Town, currency) -> None:
    alice, bob = await demo.customer(), await demo.customer()

    assert refused(await alice.sends("1", bob, currency=currency)) == (422, "amount_invalid")


@pytest.mark.case("G1")
async def test_the_largest_amount_is_an_amount_and_one_more_is_not(demo: Town) -> None:
    alice, bob = await demo.customer(), await demo.customer()

    largest = await alice.sends("10000000000000.00", bob)
    more = await alice.sends("10000000000000.01", bob)

    assert refused(largest) == (422, "insufficient_funds")
    assert refused(more) == (422, "amount_invalid")


@pytest.mark.parametrize(
    ("note", "fine"),
    [
        ("x" * 140, True),
        ("x" * 141, False),
        ("one line, an emoji 🎉", True),
        ("two\nlines, a tab\t", False),
        ("'; DROP TABLE movements.command; --", True),
        ("{{7*7}} ${jndi:ldap://x} <script>", True),
    ],
)
@pytest.mark.case("F5")
@pytest.mark.case("F9")
async def test_a_note_is_kept_as_it_was_written_or_not_at_all(demo: Town, note, fine) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()

    sent = await alice.sends("1", bob, note=note)

    assert sent.status_code == (201 if fine else 422)
    if fine:
        read = await alice.person.get(f"/v1/movements/{sent.json()['id']}", after=sent)
        assert read.json()["note"] == note


@pytest.mark.case("G4")
async def test_of_a_hundred_spends_of_the_whole_balance_one_goes_through(demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()

    answers = await asyncio.gather(*(alice.sends("10", bob) for _ in range(100)))

    states = [answer.status_code for answer in answers]
    assert (states.count(201), states.count(422)) == (1, 99)
    assert {a.json()["code"] for a in answers if a.status_code == 422} == {"insufficient_funds"}
    last = max(answers, key=lambda a: int(a.headers["Projection-Position"]))
    assert (await alice.balance(last), await bob.balance(last)) == ("0.00", "10.00")


@pytest.mark.case("H8")
async def test_sending_to_and_fro_at_once_neither_locks_up_nor_makes_money(demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer("10")
    places = asyncio.Semaphore(50)

    async def sends(payer: Holder, payee: Holder) -> httpx.Response:
        async with places:
            return await payer.sends("0.30", payee)

    pairs = [(alice, bob), (bob, alice)] * 100
    answers = await asyncio.gather(*(sends(*pair) for pair in pairs))

    assert {answer.status_code for answer in answers} <= {201, 422}
    last = max(answers, key=lambda a: int(a.headers["Projection-Position"]))
    held = [float(await one.balance(last)) for one in (alice, bob)]
    sent = [
        sum(
            a.status_code == 201 for a, (payer, _) in zip(answers, pairs, strict=True) if payer is p
        )
        for p in (alice, bob)
    ]
    assert sum(held) == pytest.approx(20)
    assert held[0] == pytest.approx(10 + 0.3 * (sent[1] - sent[0]))


@pytest.mark.case("H9")
async def test_too_much_at_once_is_turned_away_and_not_lost(demo: Town) -> None:
    alice, bob = await demo.customer("1000"), await demo.customer()
    async with httpx.AsyncClient(base_url=demo.operator.url, timeout=60) as client:
        keys = [uuid.uuid4().hex for _ in range(180)]
        body = {"sender": alice.wallet, "recipient": bob.wallet, "amount": _one()}

        async def send(key: str) -> httpx.Response:
            headers = {
                "Authorization": f"Bearer {alice.person.token}",
                "Idempotency-Key": key,
                "Prefer": "wait=20",
            }
            return await client.post("/v1/movements/p2p-transfer", json=body, headers=headers)

        answers = await asyncio.gather(*(send(key) for key in keys))
        busy = [answer for answer in answers if answer.status_code == 503]
        for answer in busy:
            assert answer.json()["code"] == "busy"
            assert answer.headers["Retry-After"] == "1"
        again = [await send(key) for key in keys[:20]]

    posted = sum(answer.status_code == 201 for answer in answers)
    assert posted + len(busy) == len(answers)
    first_time = sum("Idempotency-Replayed" not in answer.headers for answer in again)
    assert {answer.status_code for answer in again} == {201}
    last = max(again, key=lambda a: int(a.headers["Projection-Position"]))
    assert await bob.balance(last) == f"{posted + first_time}.00"


def _one() -> dict[str, str]:
    return {"value": "1", "currency": "KES"}
