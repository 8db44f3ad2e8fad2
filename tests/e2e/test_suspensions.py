"""Suspensions and figures over the API: set by one, ended by two, and what moves is told."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.e2e.opening import ask
from tests.e2e.town import Person, Town

SUSPENSIONS = "/v1/suspensions"
NEW = {
    "movement": "cashback", "currency": "KES", "title": "No promotions",
    "content": {"currency": "KES", "reason": "the campaign is over"},
}  # fmt: skip


async def test_a_suspended_movement_is_refused_until_two_people_end_it(other: Town) -> None:
    checker = other.somebody(["suspensions:read", "suspensions:approve"], name="checker")
    alice = await other.customer("1")
    made = await other.staff.post(SUSPENSIONS, NEW)
    assert made.status_code == 201, made.text
    where = f"{SUSPENSIONS}/{made.json()['id']}"

    async def decided(number: int, by: Person) -> httpx.Response:
        return await by.post(f"{where}/decisions", {"number": number, "decision": "approve"})

    async def cashback() -> httpx.Response:
        return await other.staff.move("cashback", "1.00", payee=alice.wallet)

    own = await decided(1, other.staff)
    assert (own.status_code, own.json()["code"]) == (403, "maker_may_not")
    assert (await decided(1, checker)).status_code == 200
    refused = await cashback()
    ending = await ask(other.staff, where, "DELETE")
    still = await cashback()
    assert (await decided(2, checker)).status_code == 200
    again = await cashback()

    assert (refused.status_code, refused.json()["code"]) == (422, "movement_suspended")
    assert refused.json()["detail"] == "the campaign is over"
    assert (ending.status_code, still.json()["code"]) == (200, "movement_suspended")
    assert again.json().get("code") != "movement_suspended"


async def test_an_unknown_movement_cannot_be_suspended(demo: Town) -> None:
    answer = await demo.staff.post(SUSPENSIONS, NEW | {"movement": "cash-inn"})

    assert (answer.status_code, answer.json()["code"]) == (422, "suspension_invalid")
    assert answer.json()["errors"][0]["pointer"] == "/movement"


async def test_figures_tell_what_moved_within_the_minute(demo: Town) -> None:
    alice, bob = await demo.customer("50"), await demo.customer()
    began = datetime.now(UTC).replace(second=0, microsecond=0).isoformat().replace("+00:00", "Z")
    sent = await alice.sends("7.77", bob)
    await alice.sends("99999.00", bob)

    query = f"/v1/figures?from={began}&type=p2p-transfer"
    told = (await demo.staff.get(query, after=sent)).json()["items"]
    stranger = await alice.person.get(query)
    long = await demo.staff.get("/v1/figures?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z")

    posted = [one for one in told if one["refusal"] is None]
    assert sum(one["movements"] for one in posted) >= 1
    assert sum(float(one["value"]) for one in posted) >= 7.77
    assert stranger.status_code == 403
    assert (long.status_code, long.json()["code"]) == (422, "validation")


async def test_figures_are_heard_of_as_they_change(demo: Town) -> None:
    alice, bob = await demo.customer("50"), await demo.customer()
    headers = {"Authorization": f"Bearer {demo.staff.token}"}
    told: dict[str, Any] = {}
    async with (
        httpx.AsyncClient(base_url=demo.operator.url, timeout=30) as client,
        client.stream("GET", "/v1/figures/stream", headers=headers) as stream,
    ):
        await alice.sends("1.00", bob)
        async for line in stream.aiter_lines():
            if line.startswith("data:") and '"p2p-transfer"' in line:
                told = json.loads(line.removeprefix("data:"))
                break

    assert any(one["type"] == "p2p-transfer" for one in told["items"])


async def test_the_watch_tells_what_it_found(demo: Town) -> None:
    nobody = demo.somebody(["wallets:read"])

    told = (await demo.staff.get("/v1/books/watch")).json()["items"]

    assert {one["invariant"] for one in told} >= {"zero_sum", "total", "clearing", "trust"}
    assert (await nobody.get("/v1/books/watch")).status_code == 403
