"""Approvals over the API: who sees them, who may decide, and what comes of it."""

import asyncio
import secrets
import uuid
from typing import Any

import httpx
import psycopg
import pytest

from tests.e2e.opening import ask
from tests.e2e.ruling import BANDS, created, rules_of_one, sender
from tests.e2e.town import Holder, Person, Town


@pytest.fixture(autouse=True)
def alone(books: psycopg.Connection) -> None:
    rules_of_one(books)


def manager(town: Town, books: psycopg.Connection, *roles: str) -> Person:
    """A machine of the back office that holds roles, and may decide."""
    person = town.somebody(["approvals:decide", "movements:read:all", "movements:read"])
    tenant = {"demo": 1, "other": 2}[town.tenant]
    books.execute(
        """INSERT INTO identity.client
           (tenant_id, id, name, kind, grants, scopes, created_by, roles)
           VALUES (%s, %s, 'm', 'confidential', '{client_credentials}', '{}', 'tests', %s)""",
        [tenant, person.subject, list(roles)],
    )
    return person


async def pending(
    demo: Town, books: psycopg.Connection, role: str, **more: Any
) -> tuple[Holder, Holder, httpx.Response]:
    (alice, number), bob = await sender(demo, books), await demo.customer()
    await demo.staff.post("/v1/identity/roles", {"name": role, "permissions": []})
    body = {
        "entity": "wallet", "event": "transfer", "productId": number,
        "data": {
            "currency": "KES", "completeness": "contiguous", "subject": "approver",
            "bands": [{"fromMinor": 10000, "toMinor": None, "roles": [role]}], **more,
        },
    }  # fmt: skip
    await created(demo, BANDS, body)
    headers = {"Prefer": "wait=20"}
    return alice, bob, await alice.sends("200.00", bob, headers=headers)


@pytest.mark.case("I1", "I4")
async def test_a_transfer_over_the_band_waits_for_whoever_holds_the_role(
    demo: Town, other: Town, books: psycopg.Connection
) -> None:
    role = f"manager-{secrets.token_hex(3)}"
    alice, _, waits = await pending(demo, books, role)
    movement = waits.json()["id"]
    where = f"/v1/approvals/{movement}"
    yes = {"decision": "approve", "note": "seen"}
    boss, teller = manager(demo, books, role), manager(demo, books, "teller")
    maker = demo.somebody(["approvals:decide"], name="x")
    stranger = manager(other, books, role)
    own = Person(maker.http, alice.person.subject, demo.sign(
        demo.claims(alice.person.subject, ["approvals:decide"])))  # fmt: skip

    while movement not in [  # noqa: ASYNC110
        one["id"] for one in (await boss.get("/v1/approvals")).json()["items"]
    ]:  # it is shown a moment after it was set aside
        await asyncio.sleep(0.1)
    inboxes = {who: [one["id"] for one in (await who.get("/v1/approvals")).json()["items"]]
               for who in (boss, teller, own, stranger)}  # fmt: skip
    refused = [(await who.post(f"{where}/decisions", yes)).json()["code"]
               for who in (own, teller, stranger)]  # fmt: skip
    agreed = await boss.post(f"{where}/decisions", yes, headers={"Prefer": "wait=20"})
    again = await boss.post(f"{where}/decisions", yes)
    after = await alice.person.get(f"/v1/movements/{movement}", after=agreed)

    assert (waits.status_code, waits.json()["state"]) == (202, "pending_approval")
    assert movement in inboxes[boss]
    assert [movement in inboxes[who] for who in (teller, own, stranger)] == [False] * 3
    assert refused == ["maker_may_not", "role_missing", "approval_not_found"]
    assert (agreed.status_code, agreed.json()["state"]) == (200, "approved"), agreed.text
    assert again.json()["code"] == "not_waiting"
    assert after.json()["state"] == "posted"
    rows = books.execute(
        "SELECT actor, reason FROM audit.record WHERE object = %s AND outcome = 'refused'",
        [f"movement/{movement}"],
    ).fetchall()
    assert {(own.subject, "maker_may_not"), (teller.subject, "role_missing")} <= set(rows)


async def test_the_maker_takes_it_back_and_nobody_else_does(
    demo: Town, books: psycopg.Connection
) -> None:
    role = f"manager-{secrets.token_hex(3)}"
    alice, bob, waits = await pending(demo, books, role)
    where = f"/v1/approvals/{waits.json()['id']}"

    nobody = await ask(bob.person, where, "DELETE")
    before = await alice.balance(waits)
    taken = await ask(alice.person, where, "DELETE", Prefer="wait=20")
    told = await alice.person.get(f"/v1/movements/{waits.json()['id']}", after=taken)
    movement = told.json()

    assert nobody.json()["code"] == "approval_not_found"
    assert (taken.status_code, taken.json()["state"]) == (200, "cancelled"), taken.text
    assert movement["refusal"]["code"] == "cancelled"
    assert before == "300.00"


@pytest.mark.case("I10")
async def test_decisions_about_several_are_each_for_itself_and_at_most_fifty(
    demo: Town, books: psycopg.Connection
) -> None:
    role = f"manager-{secrets.token_hex(3)}"
    _, _, waits = await pending(demo, books, role)
    boss = manager(demo, books, role)
    nobody = str(uuid.uuid4())

    together = await boss.post(
        "/v1/approvals/decisions",
        {"decision": "reject", "ids": [waits.json()["id"], nobody]},
    )
    too_many = await boss.post(
        "/v1/approvals/decisions",
        {"decision": "reject", "ids": [str(uuid.uuid4()) for _ in range(51)]},
    )

    assert together.json()["items"] == [
        {"id": waits.json()["id"], "outcome": "sent"},
        {"id": nobody, "outcome": "refused", "code": "approval_not_found"},
    ]
    assert too_many.status_code == 422


async def test_a_printed_document_is_as_good_as_a_decision_over_the_api(
    demo: Town, books: psycopg.Connection
) -> None:
    role = f"manager-{secrets.token_hex(3)}"
    _, _, waits = await pending(demo, books, role)
    boss = manager(demo, books, role)

    printed = await boss.post(
        f"/v1/approvals/{waits.json()['id']}/documents", {"decision": "approve"}
    )

    told = printed.json()
    assert (told["signal"], told["document"].count(".")) == ("decide", 2)
    assert told["workflow"] == f"demo/p2p-transfer/{waits.json()['id']}"


async def test_an_absence_has_a_beginning_an_end_and_somebody_else(demo: Town) -> None:
    boss = demo.somebody(["approvals:decide"], name="boss")
    body = {"substitute": "deputy", "from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}

    named = await ask(boss, "/v1/approvals/substitutes", "PUT", body)
    oneself = await ask(
        boss, "/v1/approvals/substitutes", "PUT", body | {"substitute": boss.subject}
    )
    backwards = await ask(
        boss, "/v1/approvals/substitutes", "PUT", body | {"to": "2025-01-01T00:00:00Z"}
    )
    listed = (await boss.get("/v1/approvals/substitutes")).json()["items"]
    back = await ask(boss, "/v1/approvals/substitutes", "DELETE")

    assert named.status_code == 200, named.text
    assert (oneself.status_code, backwards.status_code) == (422, 422)
    assert [one["substitute"] for one in listed] == ["deputy"]
    assert back.status_code == 204
