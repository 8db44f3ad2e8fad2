"""A shilling's whole life over HTTP: issued, handed on, sent, cashed out, redeemed."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from api.scopes import scopes
from tests.e2e.town import Holder, Person, Town
from workers.demo.seed import DEMO

CHECKER = {"movements:read", "movements:read:all", "emoney:release", "emoney:settle"}


def clerk(town: Town) -> Person:
    """Staff who may record bank credits, but not release the e-money."""
    return town.somebody(set(scopes()) - {"emoney:release"}, name="clerk")


def mirror(books: psycopg.Connection, movement: str) -> int:
    """What a movement left in the trust bank's mirror."""
    row = books.execute(
        """SELECT coalesce(sum(e.amount), 0) FROM ledger.entry e
             JOIN movements.chart c ON c.tenant_id = e.tenant_id AND c.account_id = e.account_id
            WHERE e.tenant_id = %s AND e.txn = %s AND c.code = 'TRUST_BANK'""",
        [DEMO.id, movement],
    ).fetchone()
    assert row is not None
    return int(row[0])


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_it_goes_all_the_way_and_every_balance_says_so(demo: Town, books) -> None:
    staff = demo.staff
    super_agent = await demo.wallet(
        demo.somebody({*_own(), "movements:float-top-up", "movements:emoney-redemption"}),
        "super_agent",
    )
    agent = await demo.wallet(demo.somebody({*_own(), "movements:cash-in"}), "agent")
    alice, bob = await demo.customer(), await demo.customer()

    issued = await staff.move(
        "emoney-issuance", "10000", recipient=super_agent.wallet, bank_reference="FT 1"
    )
    assert (issued.status_code, issued.json()["state"]) == (201, "posted")
    assert mirror(books, issued.json()["id"]) == -1_000_000
    steps = (
        (super_agent, "float-top-up", "5000", {"payer": super_agent, "payee": agent}),
        (agent, "cash-in", "2000", {"agent": agent, "customer": alice}),
        (alice, "p2p-transfer", "500.50", {"sender": alice, "recipient": bob}),
        (bob, "cash-out", "200.25", {"customer": bob, "agent": agent}),
    )
    for who, kind, value, about in steps:
        named = {role: holder.alias for role, holder in about.items()}
        moved = await who.person.move(kind, value, **named)
        assert (moved.status_code, moved.json()["state"]) == (201, "posted"), moved.text
        assert set(moved.json()["parties"].values()) == {h.wallet for h in about.values()}
    asked = await super_agent.person.move("emoney-redemption", "1000", holder=super_agent.wallet)
    assert (asked.status_code, asked.json()["state"]) == (202, "pending_partner")
    assert await super_agent.balance(asked) == "4000.00", "the money waits for the bank"
    paid = await staff.post(f"/v1/movements/{asked.json()['id']}/bank-answer", {"answer": "paid"})

    assert (paid.status_code, paid.json()["state"]) == (201, "posted")
    assert mirror(books, asked.json()["id"]) == 100_000
    assert [await one.balance(paid) for one in (super_agent, agent, alice, bob)] == [
        "4000.00",
        "3200.25",
        "1499.50",
        "300.25",
    ]


def _own() -> set[str]:
    return {"movements:read", "wallets:read"}


async def test_a_statement_numbers_what_happened_with_the_balance_after_it(demo: Town) -> None:
    alice, bob = await demo.customer("1000"), await demo.customer()
    await alice.sends("10", bob)
    last = await alice.sends("20.5", bob)

    page = (await alice.person.get(f"/v1/wallets/{alice.wallet}/statement", after=last)).json()

    told = [
        (line["number"], line["type"], line["amount"], line["balance"]) for line in page["items"]
    ]
    assert told == [
        (3, "p2p-transfer", "-20.50", "969.50"),
        (2, "p2p-transfer", "-10.00", "990.00"),
        (1, "cash-in", "1000.00", "1000.00"),
    ]
    assert page["next"] is None
    assert page["items"][0]["movement"] == last.json()["id"]
    assert page["items"][0]["reference"] == last.json()["reference"]


async def test_pages_of_a_statement_neither_repeat_nor_leave_out_a_line(demo: Town) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    for _ in range(4):
        last = await alice.sends("1", bob)

    numbers: list[int] = []
    path = f"/v1/wallets/{alice.wallet}/statement?limit=2"
    page = (await alice.person.get(path, after=last)).json()
    while True:
        numbers += [line["number"] for line in page["items"]]
        if page["next"] is None:
            break
        page = (await alice.person.get(f"{path}&cursor={page['next']}")).json()

    assert numbers == [5, 4, 3, 2, 1]


async def test_a_list_of_movements_can_be_asked_for_by_state_type_and_time(demo: Town) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    sent = await alice.sends("1", bob)
    refused = await alice.sends("1000", bob)
    about = f"/v1/movements?wallet={alice.wallet}"

    async def ids(query: str) -> list[str]:
        page = await alice.person.get(about + query, after=refused)
        assert page.status_code == 200, page.text
        return [movement["id"] for movement in page.json()["items"]]

    assert (await ids(""))[:2] == [refused.json()["movement_id"], sent.json()["id"]]
    assert await ids("&state=refused") == [refused.json()["movement_id"]]
    assert await ids("&type=p2p-transfer&state=posted") == [sent.json()["id"]]
    assert await ids("&to=2020-01-01T00:00:00Z") == []
    assert len(await ids("&from=2020-01-01T00:00:00%2B03:00")) == 3


class TestIssuance:
    async def recorded(self, demo: Town) -> tuple[Person, Holder, httpx.Response]:
        maker = clerk(demo)
        receiver = await demo.wallet(demo.somebody(), "super_agent")
        asked = await maker.move(
            "emoney-issuance", "700", recipient=receiver.wallet, bank_reference="FT 2"
        )
        assert (asked.status_code, asked.json()["state"]) == (202, "pending_approval"), asked.text
        assert asked.headers["Location"] == f"/v1/movements/{asked.json()['id']}"
        return maker, receiver, asked

    @pytest.mark.case("I7")
    async def test_waits_until_another_person_releases_it(self, demo: Town) -> None:
        _, receiver, asked = await self.recorded(demo)
        assert await receiver.balance(asked) == "0.00"

        path = f"/v1/movements/{asked.json()['id']}/release"
        released = await demo.somebody(CHECKER).post(path, {"answer": "release"})

        assert (released.status_code, released.json()["state"]) == (201, "posted"), released.text
        assert await receiver.balance(released) == "700.00"
        again = await demo.somebody(CHECKER).post(path, {"answer": "release"})
        assert problem(again) == (409, "not_waiting")

    async def test_its_maker_may_not_release_it(self, demo: Town, books) -> None:
        receiver = await demo.wallet(demo.somebody(), "super_agent")
        recorder = clerk(demo)
        asked = await recorder.move(
            "emoney-issuance", "700", recipient=receiver.wallet, bank_reference="FT 3"
        )
        claims = demo.claims(recorder.subject, scopes())
        promoted = Person(recorder.http, recorder.subject, demo.sign(claims))

        path = f"/v1/movements/{asked.json()['id']}/release"
        said = await promoted.post(path, {"answer": "release"})

        assert problem(said) == (403, "maker_may_not")
        assert await receiver.balance(asked) == "0.00"

    async def test_cancelled_it_leaves_no_shilling_behind(self, demo: Town, books) -> None:
        maker, receiver, asked = await self.recorded(demo)
        movement = asked.json()["id"]
        assert mirror(books, movement) == -70_000

        said = await demo.somebody(CHECKER).post(
            f"/v1/movements/{movement}/release", {"answer": "cancel"}
        )

        assert problem(said) == (422, "cancelled")
        assert said.json()["movement_id"] == movement
        assert mirror(books, movement) == 0
        assert await receiver.balance(said) == "0.00"
        read = await maker.get(f"/v1/movements/{movement}", after=said)
        assert (read.status_code, read.json()["state"]) == (200, "refused")
        assert read.json()["refusal"]["code"] == "cancelled"


async def test_money_that_the_bank_did_not_pay_out_is_back_with_its_holder(
    demo: Town, books
) -> None:
    holder = await demo.funded("super_agent", "900")
    asked = await demo.staff.move("emoney-redemption", "400", holder=holder.wallet)
    movement = asked.json()["id"]
    assert await holder.balance(asked) == "500.00"

    said = await demo.staff.post(f"/v1/movements/{movement}/bank-answer", {"answer": "not_paid"})

    assert problem(said) == (422, "returned_by_bank")
    assert await holder.balance(said) == "900.00"
    assert mirror(books, movement) == 0
    read = await demo.staff.get(f"/v1/movements/{movement}", after=said)
    assert (read.status_code, read.json()["state"]) == (200, "refused")


async def test_a_refused_movement_can_be_read_and_says_why(demo: Town) -> None:
    alice, bob = await demo.customer("5"), await demo.customer()
    refused = await alice.sends("6", bob)

    read = await alice.person.get(f"/v1/movements/{refused.json()['movement_id']}", after=refused)

    assert (read.status_code, read.json()["state"]) == (200, "refused")
    refusal = read.json()["refusal"]
    assert refusal["code"] == "insufficient_funds"
    assert refusal["details"] == {"available": "5.00", "needed": "6.00"}
    assert "account" not in refused.text


async def test_a_timeline_tells_request_decision_posting_and_the_end(demo: Town) -> None:
    alice, bob = await demo.customer("5"), await demo.customer()
    sent = await alice.sends("1", bob)
    path = f"/v1/movements/{sent.json()['id']}/timeline"

    kinds: list[Any] = []
    for _ in range(100):
        lines = (await alice.person.get(path, after=sent)).json()["items"]
        kinds = [line["kind"] for line in lines]
        if "ended" in kinds:
            break
        await asyncio.sleep(0.1)

    assert [kind for kind in kinds if kind in {"requested", "decided", "posted", "ended"}] == [
        "requested",
        "decided",
        "posted",
        "ended",
    ]
    assert kinds[0] == "accepted"


async def test_nothing_personal_is_in_what_a_history_is_started_with(demo: Town, books) -> None:
    alice, bob = await demo.customer("5"), await demo.customer()
    sent = await alice.sends("1", bob)

    kept = books.execute(
        "SELECT body::text || summary FROM movements.command WHERE movement_id = %s",
        [sent.json()["id"]],
    ).fetchone()

    assert kept is not None
    assert alice.wallet in kept[0]
    assert alice.alias.removeprefix("msisdn:+") not in kept[0]
