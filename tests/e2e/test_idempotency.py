"""A key means one request: a repeat gets the first one's answer, and nothing happens twice."""

import asyncio
import uuid

import psycopg
import pytest

from tests.e2e.town import Person, Town


def rows(books: psycopg.Connection, movement: str) -> tuple[int, int, int]:
    """How often a movement is in the command table, in the journal, and among the events."""
    found = books.execute(
        """SELECT (SELECT count(*) FROM movements.command WHERE movement_id = %(id)s),
                  (SELECT count(*) FROM ledger.journal WHERE txn = %(id)s),
                  (SELECT count(*) FROM messaging.event
                    WHERE aggregate = 'movement' AND aggregate_id = %(id)s)""",
        {"id": movement},
    ).fetchone()
    assert found is not None
    return found[0], found[1], found[2]


async def test_a_repeat_has_the_same_answer_and_says_that_it_is_one(demo: Town, books) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    key = uuid.uuid4().hex

    first = await alice.sends("4", bob, key=key)
    again = await alice.sends("4", bob, key=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert rows(books, first.json()["id"]) == (1, 1, 1)
    assert await alice.balance(again) == "6.00"


async def test_a_refusal_is_repeated_too_even_when_the_money_is_there_by_now(demo: Town) -> None:
    alice, bob = await demo.customer(), await demo.customer("10")
    key = uuid.uuid4().hex
    refused = await alice.sends("4", bob, key=key)
    given = await bob.sends("10", alice)

    again = await alice.sends("4", bob, key=key)

    assert (refused.status_code, again.status_code) == (422, 422)
    assert again.json()["movement_id"] == refused.json()["movement_id"]
    assert again.json()["code"] == "insufficient_funds"
    assert await alice.balance(given) == "10.00"


async def test_a_wallet_named_by_its_alias_is_part_of_what_makes_a_repeat(demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    key = uuid.uuid4().hex
    first = await alice.person.sends("4", alice.wallet, bob.alias, key=key)

    again = await alice.person.sends("4", alice.wallet, bob.alias, key=key)

    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    ("kind", "value", "note"),
    [("p2p-transfer", "5", None), ("cash-out", "4", None), ("p2p-transfer", "4", "for lunch")],
    ids=["another amount", "another route", "another note"],
)
@pytest.mark.case("H2")
async def test_a_key_names_one_request_only(demo: Town, books, kind, value, note) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    agent = await demo.wallet(demo.somebody(), "agent")
    key = uuid.uuid4().hex
    first = await alice.sends("4", bob, key=key)
    about = (
        {"sender": alice.wallet, "recipient": bob.wallet}
        if kind == "p2p-transfer"
        else {"customer": alice.wallet, "agent": agent.wallet}
    )
    more = {"note": note} if note else {}

    other = await alice.person.move(kind, value, key=key, **about, **more)

    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert await alice.balance(first) == "6.00"
    kept = books.execute("SELECT count(*) FROM movements.command WHERE key = %s", [key]).fetchone()
    assert kept == (1,)


@pytest.mark.case("C19")
@pytest.mark.case("H3")
async def test_keys_of_two_people_two_clients_and_two_tenants_are_apart(
    demo: Town, other: Town
) -> None:
    key = uuid.uuid4().hex
    alice, bob = await demo.customer("10"), await demo.customer("10")
    claims = demo.claims(alice.person.subject, ["movements:p2p-transfer"], client_id="another")
    elsewhere = Person(alice.person.http, alice.person.subject, demo.sign(claims))
    carol, dan = await other.customer("10"), await other.customer()

    answers = [
        await alice.sends("1", bob, key=key),
        await bob.sends("1", alice, key=key),
        await elsewhere.sends("1", alice.wallet, bob.wallet, key=key),
        await carol.sends("1", dan, key=key),
    ]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 4


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_invalid"),
        ("x" * 65, "idempotency_key_invalid"),
        ("two words", "idempotency_key_invalid"),
        ("tab\there", "idempotency_key_invalid"),
        ("schlüssel".encode(), "idempotency_key_invalid"),
    ],
)
@pytest.mark.case("H4")
async def test_money_moves_under_a_proper_key_only(demo: Town, key, code) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    headers = {"Authorization": f"Bearer {alice.person.token}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    body = {
        "sender": alice.wallet,
        "recipient": bob.wallet,
        "amount": {"value": "1", "currency": "KES"},
    }

    answer = await alice.person.http.post("/v1/movements/p2p-transfer", json=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_key_of_64_signs_is_proper(demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()

    assert (await alice.sends("1", bob, key=uuid.uuid4().hex * 2)).status_code == 201


async def test_what_is_refused_beforehand_uses_no_key_up(demo: Town, books) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    key = uuid.uuid4().hex
    bad = await alice.sends("0", bob, key=key)
    unknown = await alice.person.sends("1", alice.wallet, str(uuid.uuid4()), key=key)
    assert {bad.status_code, unknown.status_code} == {422}
    kept = books.execute("SELECT count(*) FROM movements.command WHERE key = %s", [key]).fetchone()
    assert kept == (0,)

    good = await alice.sends("1", bob, key=key)

    assert good.status_code == 201
    assert "Idempotency-Replayed" not in good.headers


@pytest.mark.case("H1")
async def test_a_hundred_calls_at_once_with_one_key_are_one_movement(
    demo: Town, stack, books
) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    key = uuid.uuid4().hex

    answers = await asyncio.gather(*(alice.sends("3", bob, key=key) for _ in range(100)))

    assert {answer.status_code for answer in answers} == {201}, {a.text for a in answers}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert rows(books, answers[0].json()["id"]) == (1, 1, 1)
    assert await alice.balance(answers[0]) == "7.00"


async def test_who_does_not_wait_is_told_where_to_look(demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()

    accepted = await alice.sends("1", bob, headers={"Prefer": "respond-async"})

    assert (accepted.status_code, accepted.json()["state"]) == (202, "accepted")
    where = accepted.headers["Location"]
    for _ in range(100):
        read = await alice.person.get(where)
        assert read.status_code == 200
        movement = read.json()
        if movement["state"] == "posted":
            assert movement["posted_at"]
            assert movement["reference"]
            if await bob.balance() == "1.00":
                break
        await asyncio.sleep(0.05)
    assert (movement["state"], await bob.balance()) == ("posted", "1.00")


@pytest.mark.parametrize("prefer", ["wait=20", "wait=9999", "respond-sync", "wait=x", "handling"])
async def test_who_waits_a_while_has_the_outcome(demo: Town, prefer) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()

    assert (await alice.sends("1", bob, headers={"Prefer": prefer})).status_code == 201


async def test_opening_a_wallet_twice_under_one_key_opens_one(demo: Town) -> None:
    person, key = demo.somebody(), uuid.uuid4().hex
    body = {"kind": "customer", "msisdn": "+254711" + str(uuid.uuid4().int)[:6], "currency": "KES"}

    first = await person.post("/v1/wallets", {**body, "name": "Ada"}, key=key)
    again = await person.post("/v1/wallets", {**body, "name": "Ada"}, key=key)
    other = await person.post("/v1/wallets", {**body, "name": "Eve"}, key=key)
    taken = await person.post("/v1/wallets", {**body, "name": "Ada"})
    malformed = await person.post("/v1/wallets", {**body, "name": "Ada"}, key="two words")

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert (taken.status_code, taken.json()["code"]) == (409, "alias_taken")
    assert (malformed.status_code, malformed.json()["code"]) == (400, "idempotency_key_invalid")
