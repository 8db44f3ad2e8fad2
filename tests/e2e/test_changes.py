"""Commands that move no money, guarded by rules: parked, agreed to, declined, and refused."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from api.scopes import scopes
from tests.e2e.opening import ask
from tests.e2e.ruling import give_product, rule
from tests.e2e.town import Holder, Person, Town

DONE_S = 20.0


@pytest.fixture
def manager(demo: Town, books: psycopg.Connection) -> Person:
    """A program of the back office that holds the role of a manager."""
    name = f"manager-{secrets.token_hex(4)}"
    books.execute(
        """INSERT INTO identity.client (tenant_id, id, name, kind, grants, scopes, created_by,
                                        roles)
           VALUES (1, %s, %s, 'confidential', '{client_credentials}', %s, 'tests', '{manager}')""",
        [name, name, sorted(scopes())],
    )
    claims = demo.claims(name, scopes()) | {"client_id": name}
    return Person(demo.staff.http, name, demo.sign(claims))


@pytest.fixture
async def frozen(demo: Town, books: psycopg.Connection) -> Holder:
    """A frozen wallet of a product of its own."""
    holder, number = await demo.customer(), 1000 + secrets.randbelow(10**8)
    added = await demo.staff.post(
        "/v1/products", {"id": number, "kind": "customer", "name": f"product {number}"}
    )
    assert added.status_code == 201, added.text
    give_product(books, holder.wallet, number)
    done = await demo.staff.post(f"/v1/wallets/{holder.wallet}/freeze")
    assert done.json()["state"] == "frozen", done.text
    return holder


def product_of(books: psycopg.Connection, holder: Holder) -> int:
    sql = "SELECT product FROM wallets.wallet WHERE id = %s"
    row = books.execute(sql, [holder.wallet]).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def guarded(books: psycopg.Connection, frozen: Holder) -> Iterator[Holder]:
    """Unfreezing that wallet needs a manager."""
    asks = {"expression": "false", "message": "a manager must agree", "otherwise": "ask",
            "roles": ["manager"]}  # fmt: skip
    with rule(books, "wallet.unfreeze", "expression", asks, phase="pre",
              product=product_of(books, frozen)):  # fmt: skip
        yield frozen


async def unfreeze(person: Person, holder: Holder) -> httpx.Response:
    return await person.post(f"/v1/wallets/{holder.wallet}/unfreeze")


async def decide(person: Person, change: str, decision: str) -> httpx.Response:
    body = {"decision": decision, "note": "looked into"}
    return await person.post(f"/v1/approvals/{change}/decisions", body)


async def settled(person: Person, change: str) -> dict[str, Any]:
    """The change, once it waits no more."""
    for _ in range(int(DONE_S / 0.1)):
        read = await person.get(f"/v1/changes/{change}")
        assert read.status_code == 200, read.text
        if read.json()["state"] != "pending":
            break
        await asyncio.sleep(0.1)
    return read.json()


async def state(demo: Town, holder: Holder) -> str:
    return (await demo.staff.get(f"/v1/wallets/{holder.wallet}")).json()["state"]


async def test_unfreezing_waits_until_a_manager_has_agreed(
    demo: Town, guarded: Holder, manager: Person
) -> None:
    parked = await unfreeze(demo.staff, guarded)
    assert parked.status_code == 202, parked.text
    change = parked.json()["id"]
    assert parked.headers["Location"] == f"/v1/changes/{change}"
    assert (await state(demo, guarded)) == "frozen"

    own = await decide(demo.staff, change, "approve")
    agreed = await decide(manager, change, "approve")

    assert (own.status_code, own.json()["code"]) == (403, "maker_may_not")
    assert agreed.status_code in {200, 202}, agreed.text
    assert (await settled(demo.staff, change))["state"] == "done"
    assert (await state(demo, guarded)) == "active"


async def test_what_a_manager_rejects_leaves_the_wallet_frozen(
    demo: Town, guarded: Holder, manager: Person
) -> None:
    change = (await unfreeze(demo.staff, guarded)).json()["id"]

    rejected = await decide(manager, change, "reject")

    assert rejected.status_code in {200, 202}, rejected.text
    told = await settled(demo.staff, change)
    assert (told["state"], told["refusal"]["code"]) == ("refused", "declined")
    assert (await state(demo, guarded)) == "frozen"


async def test_a_rule_that_refuses_is_named_and_audited(
    demo: Town, frozen: Holder, books: psycopg.Connection
) -> None:
    never = {"expression": "false", "message": "ask the police first"}
    with rule(books, "wallet.unfreeze", "expression", never, phase="pre",
              product=product_of(books, frozen)) as definition:  # fmt: skip
        refused = await unfreeze(demo.staff, frozen)

    assert (refused.status_code, refused.json()["code"]) == (422, "expression_refused")
    (violation,) = refused.json()["details"]["violations"]
    assert violation["reason"] == "ask the police first"
    assert (await state(demo, frozen)) == "frozen"
    sql = """SELECT r.outcome, c.record -> 'rules' -> 0 ->> 'definition' FROM audit.record r
               JOIN changes.change c ON c.object = r.object AND c.state = 'refused'
              WHERE r.object = %s AND r.action = 'wallet.unfreeze'"""
    assert books.execute(sql, [f"wallet/{frozen.wallet}"]).fetchall() == [("refused", definition)]


async def test_a_change_is_shown_to_its_maker_and_to_who_may_read_its_kind(
    demo: Town, other: Town, guarded: Holder
) -> None:
    change = (await unfreeze(demo.staff, guarded)).json()["id"]
    path = f"/v1/changes/{change}"
    stranger = demo.somebody()

    answers = [await one.get(path) for one in (demo.staff, stranger, other.staff)]

    assert [answer.status_code for answer in answers] == [200, 404, 404]
    assert answers[0].json()["asks"][0]["roles"] == ["manager"]
    await ask(demo.staff, f"/v1/approvals/{change}", "DELETE")


async def test_what_the_back_office_does_is_told_in_the_feed(
    demo: Town, books: psycopg.Connection
) -> None:
    name = f"clerk-{secrets.token_hex(4)}"
    made = await demo.staff.post("/v1/identity/roles", {"name": name, "permissions": []})
    assert made.status_code == 201, made.text

    sql = "SELECT type, actor FROM messaging.event WHERE data ->> 'object' = %s AND tenant_id = 1"
    told = books.execute(sql, [f"role/{made.json()['id']}"]).fetchall()
    assert told == [("mmo.role.create.v1", demo.staff.subject)]


@pytest.mark.case("I9")
async def test_staff_do_not_serve_themselves(demo: Town, books: psycopg.Connection) -> None:
    own = await demo.wallet(demo.staff)
    path = f"/v1/wallets/{own.wallet}"
    flag = {"list": "wallet-flags", "code": "VIP", "reason": "it is mine"}

    frozen = await demo.staff.post(f"{path}/freeze")
    answers = [
        await demo.staff.post(f"{path}/unfreeze"),
        await demo.staff.post(f"{path}/flags", flag),
        await ask(demo.staff, f"{path}/flags/wallet-flags/VIP?reason=it+is+mine", "DELETE"),
        await demo.staff.post(f"{path}/pin-resets"),
    ]

    assert frozen.status_code == 200
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(403, "own_wallet")}
    sql = "SELECT action FROM audit.record WHERE object = %s AND reason = 'own_wallet' ORDER BY seq"
    told = [action for (action,) in books.execute(sql, [f"wallet/{own.wallet}"]).fetchall()]
    assert told == ["wallet.unfreeze", "wallet.flag", "wallet.unflag", "pin.ask-reset"]


@pytest.mark.case("I8")
async def test_who_had_a_hand_in_the_rule_is_told_of_or_kept_out(
    demo: Town, guarded: Holder, manager: Person, books: psycopg.Connection
) -> None:
    sql = """UPDATE bep.version v SET made_by = %s FROM bep.definition d
              WHERE d.id = v.definition_id AND d.event = 'wallet.unfreeze' AND d.product = %s"""
    books.execute(sql, [manager.subject, product_of(books, guarded)])
    change = (await unfreeze(demo.staff, guarded)).json()["id"]
    block = """INSERT INTO bep.settings (tenant_id, four_eyes, close) VALUES (1, false, %s)
               ON CONFLICT (tenant_id) DO UPDATE SET close = excluded.close"""

    books.execute(block, ["block"])
    try:
        kept_out = await decide(manager, change, "approve")
    finally:
        books.execute(block, ["alert"])
    told_of = await decide(manager, change, "approve")

    assert (kept_out.status_code, kept_out.json()["code"]) == (403, "too_close")
    assert told_of.status_code in {200, 202}, told_of.text
    assert (await settled(demo.staff, change))["state"] == "done"
    alert = """SELECT data ->> 'why' FROM messaging.event
                WHERE type = 'mmo.approval.alerted.v1' AND aggregate_id = %s"""
    assert books.execute(alert, [change]).fetchall() == [("set a rule of the event within a day",)]
