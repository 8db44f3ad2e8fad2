"""Tasks: opened by an event, they block what they say until they are done, and escalate."""

import secrets

import psycopg

from api.scopes import scopes
from tests.e2e.ruling import give_product, rule
from tests.e2e.test_messages import until
from tests.e2e.town import Person, Town


def holder_of(town: Town, role: str) -> Person:
    """Somebody of staff with one role; the role exists for nobody else."""
    return town.somebody(scopes(), roles=[role])


async def test_a_task_blocks_what_it_says_until_it_is_done_and_escalates_when_late(
    demo: Town, books: psycopg.Connection
) -> None:
    product = 1000 + secrets.randbelow(10**6)
    alice = await demo.customer()
    give_product(books, alice.wallet, product)
    told = {
        "title": "Call the customer", "assigneeRole": "clerk", "checklist": ["called"],
        "slaSeconds": 1, "escalateTo": "checker", "blocks": ["wallet.unfreeze"], "party": "wallet",
    }  # fmt: skip
    clerk, checker = holder_of(demo, "clerk"), holder_of(demo, "checker")
    with rule(books, "wallet.freeze", "task", told, product=product):
        frozen = await demo.staff.post(f"/v1/wallets/{alice.wallet}/freeze")
        assert frozen.status_code == 200, frozen.text

        async def mine(who: Person) -> list[dict]:
            found = (await who.get("/v1/tasks?limit=200")).json()["items"]
            return [one for one in found if one["wallet"] == alice.wallet]

        (task,) = await until(lambda: mine(clerk))
        assert task["state"] == "open"
        (late,) = await until(lambda: mine(checker))
        assert late["escalated_at"]
        where = f"/v1/tasks/{task['id']}/complete"
        assert (await clerk.post(where, {})).json()["code"] == "checklist_incomplete"
        done = await clerk.post(where, {"checklist": ["called"]})
        again = await checker.post(where, {"checklist": ["called"]})

    assert done.status_code == again.status_code == 200
    assert done.json() == again.json()
    assert done.json()["done_by"] == clerk.subject
    rows = books.execute(
        "SELECT type FROM messaging.event WHERE aggregate = 'task' AND aggregate_id = %s"
        " ORDER BY version", [task["id"]],
    ).fetchall()  # fmt: skip
    assert [kind for (kind,) in rows] == [
        "mmo.task.opened.v1", "mmo.task.escalated.v1", "mmo.task.completed.v1",
    ]  # fmt: skip


async def test_a_task_lets_pass_once_it_is_done(demo: Town, books: psycopg.Connection) -> None:
    product = 1000 + secrets.randbelow(10**6)
    alice, bob = await demo.customer("500"), await demo.customer()
    give_product(books, alice.wallet, product)
    told = {
        "title": "Ask where it comes from", "assigneeRole": "clerk", "party": "payer",
        "blocks": ["wallet.transfer"],
    }  # fmt: skip
    clerk = holder_of(demo, "clerk")
    with rule(books, "wallet.transfer", "task", told, product=product):
        first = await alice.sends("10", bob)
        assert first.status_code == 201, first.text

        async def mine() -> list[dict]:
            found = (await clerk.get("/v1/tasks?state=open&limit=200")).json()["items"]
            return [one for one in found if one["wallet"] == alice.wallet]

        (task,) = await until(mine)
        blocked = await alice.sends("10", bob)
        assert blocked.status_code == 422, blocked.text
        assert blocked.json()["code"] == "task_open"
        back = await bob.sends("1", alice)
        assert back.status_code == 201, "only the product's own transfers are blocked"
        done = await clerk.post(f"/v1/tasks/{task['id']}/complete", {})
        assert done.status_code == 200, done.text
        assert (await alice.sends("10", bob)).status_code == 201
