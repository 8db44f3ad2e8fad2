"""A reconciliation over the API: closed histories against the books, and nothing breaks."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.e2e.town import Town

WHERE = "/v1/books/reconciliations"
TRIES_MAX = 120


async def reconciled(town: Town) -> dict[str, Any]:
    """What came of the last ten minutes but for the newest seconds, which are still under way."""
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(minutes=10)).isoformat(), "to": now.isoformat()}
    asked = await town.staff.post(WHERE, span)
    assert asked.status_code == 202, asked.text
    for _ in range(TRIES_MAX):
        found = (await town.staff.get(asked.headers["Location"])).json()
        if found["state"] != "running":
            return found
        await asyncio.sleep(0.5)
    raise AssertionError("it did not end")


async def test_what_workflows_did_is_what_the_books_say(other: Town) -> None:
    alice, bob = await other.customer("20"), await other.customer()
    sent = await alice.sends("5.00", bob)
    await alice.sends("500.00", bob)
    undone = await other.staff.post(
        "/v1/movements/reversal", {"original": sent.json()["id"]}, key=uuid.uuid4().hex
    )
    assert undone.status_code == 201, undone.text
    await other.staff.get(sent.headers["Location"], after=undone)

    found = await reconciled(other)

    assert found["state"] == "done"
    assert found["result"]["journals"] >= 3
    assert found["result"]["breaks"] == []


async def test_who_may_not_and_what_is_not_there(demo: Town, other: Town) -> None:
    nobody = demo.somebody(["books:read"])
    now = datetime.now(UTC)
    long = {"from": (now - timedelta(days=93)).isoformat(), "to": now.isoformat()}

    assert (await nobody.post(WHERE, long)).status_code == 403
    assert (await demo.staff.post(WHERE, long)).status_code == 422
    assert (await demo.staff.get(f"{WHERE}/none")).status_code == 404
    found = await reconciled(demo)
    assert (await other.staff.get(f"{WHERE}/{found['id']}")).status_code == 404


async def test_so_many_run_at_once_and_no_more(other: Town, books: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(minutes=1)).isoformat(), "to": now.isoformat()}
    with books.transaction():
        books.execute(
            """INSERT INTO histories.reconciliation (tenant_id, id, since, until, made_by)
               SELECT t.id, gen_random_uuid(), now() - interval '1 day', now(), 'tests'
                 FROM tenancy.tenant t, generate_series(1, 5) WHERE t.slug = %s""",
            [other.tenant],
        )

    refused = await other.staff.post(WHERE, span)
    with books.transaction():
        books.execute("DELETE FROM histories.reconciliation WHERE made_by = 'tests'")

    assert (refused.status_code, refused.json()["code"]) == (409, "reconciliations_running")
    assert (await other.staff.post(WHERE, span)).status_code == 202
