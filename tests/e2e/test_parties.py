"""Parties over the API: who may see whom, what is written once, and files of KYC."""

import asyncio
import secrets
import uuid
from typing import Any

import httpx
import pytest

from api.scopes import scopes
from tests.e2e.opening import ask
from tests.e2e.town import Person, Town, unique_msisdn

PARTIES, OFFICES = "/v1/parties", "/v1/offices"
WHY = {"reason": "የቅርንጫፍ ጉዳይ"}  # in any script


def wanted(kind: str = "subscriber", **more: Any) -> dict[str, Any]:
    person = {
        "name": "Amina Wanjiku", "msisdn": unique_msisdn(), "birth_date": "1990-02-28",
        "address": "Moi Avenue 7, Nairobi", "national_id": "A1234567",
    }  # fmt: skip
    return {"kind": kind, "person": person, "language": "sw", **more}


async def party(town: Town, kind: str = "subscriber", **more: Any) -> str:
    """The id of an active party."""
    made = await town.staff.post(PARTIES, wanted(kind, **more))
    assert made.status_code == 201, made.text
    active = await town.staff.post(f"{made.headers['Location']}/activate")
    assert active.status_code == 200, active.text
    return made.json()["id"]


def without(town: Town, *taken: str) -> Person:
    return town.somebody(set(scopes()) - set(taken), name="staff")


async def opened(town: Town, owner: str, kind: str, **more: Any) -> httpx.Response:
    body = {"kind": kind, "msisdn": unique_msisdn(), "currency": "KES", "name": "A name"}
    return await town.staff.post("/v1/wallets", {**body, "party": owner, **more})


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("born", ["2090-01-01", "1890-01-01", "2026-02-30", "0001-01-01"])
async def test_a_party_was_born_on_a_day_that_can_be(demo: Town, born: str) -> None:
    body = wanted()
    body["person"]["birth_date"] = born

    assert told(await demo.staff.post(PARTIES, body)) == (422, "validation")


async def test_a_party_is_registered_once_under_a_key(demo: Town) -> None:
    body, key = wanted(), uuid.uuid4().hex

    first = await demo.staff.post(PARTIES, body, key=key)
    again = await demo.staff.post(PARTIES, body, key=key)
    other = await demo.staff.post(PARTIES, {**body, "language": "en"}, key=key)
    taken = await demo.staff.post(PARTIES, body)

    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert again.json() == first.json()
    assert first.json()["person"] == {**body["person"], "masked": False}
    assert (first.json()["state"], first.json()["tier"], first.json()["kyc"]) == (
        "registered", 0, "unverified",
    )  # fmt: skip
    assert told(other) == (409, "idempotency_key_reused")
    assert told(taken) == (409, "number_taken")


async def test_twenty_registrations_at_once_with_one_key_make_one_party(demo: Town) -> None:
    body, key = wanted(), uuid.uuid4().hex

    answers = await asyncio.gather(*(demo.staff.post(PARTIES, body, key=key) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_repeat_answers_with_the_party_as_it_is_now(demo: Town) -> None:
    body, key = wanted(), uuid.uuid4().hex
    first = await demo.staff.post(PARTIES, body, key=key)
    at = first.headers["Location"]
    person = {**body["person"], "address": "Kenyatta Street 1"}
    put = await ask(demo.staff, at, "PUT", {"person": person, "language": "en"}, If_Match='"1"')
    stale = await ask(demo.staff, at, "PUT", {"person": person, "language": "en"}, If_Match='"1"')

    again = await demo.staff.post(PARTIES, body, key=key)

    assert (put.status_code, told(stale)) == (200, (412, "version_conflict")), put.text
    assert (again.status_code, again.json()) == (201, put.json())


async def test_what_is_personal_is_masked_for_whoever_may_not_read_it(
    demo: Town, books: Any
) -> None:
    body = wanted()
    at = (await demo.staff.post(PARTIES, body)).headers["Location"]
    clerk = without(demo, "parties:personal")

    masked = (await clerk.get(at)).json()["person"]
    changed = await ask(clerk, at, "PUT", {"person": body["person"], "language": "en"},
                        If_Match='"1"')  # fmt: skip

    assert masked == {
        "name": "A***", "msisdn": "*" * 10 + body["person"]["msisdn"][-3:], "birth_date": None,
        "address": None, "national_id": None, "masked": True,
    }  # fmt: skip
    assert told(changed) == (403, "insufficient_scope")
    for table in ("parties.party", "messaging.event", "changes.change"):
        count = f"SELECT count(*) FROM {table} t WHERE t::text LIKE ANY (%s)"
        clear = [f"%{body['person']['msisdn']}%", "%Amina Wanjiku%", "%Moi Avenue%"]
        assert books.execute(count, [clear]).fetchone() == (0,), table


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"kind": "bank"}, "validation"),
        ({"person": {"name": "Amina", "msisdn": "0700"}}, "validation"),
        ({"person": {"name": " Amina ", "msisdn": "+254700000001"}}, "validation"),
        ({"parent": "018f0000-0000-7000-8000-000000000000"}, "party_unknown"),
        ({"office": "018f0000-0000-7000-8000-000000000000"}, "office_unknown"),
    ],
)
async def test_what_cannot_be_registered_is_told(demo: Town, wrong: Any, code: str) -> None:
    answer = await demo.staff.post(PARTIES, {**wanted(), **wrong})

    assert told(answer) == (422, code)


async def test_nobody_without_the_scope_and_no_other_tenant_gets_near(
    demo: Town, other: Town
) -> None:
    amina = await party(demo)
    at = f"{PARTIES}/{amina}"
    reader, writer = without(demo, "parties:read"), without(demo, "parties:write")

    assert told(await reader.get(at)) == (403, "insufficient_scope")
    assert told(await writer.post(PARTIES, wanted())) == (403, "insufficient_scope")
    assert told(await writer.post(f"{at}/suspend", WHY)) == (403, "insufficient_scope")
    for answer in (
        await other.staff.get(at),
        await other.staff.get(f"{at}/tree"),
        await other.staff.post(f"{at}/suspend", WHY),
        await demo.staff.get(f"{PARTIES}/nobody"),
    ):
        assert told(answer) == (404, "party_not_found")
    assert told(await opened(other, amina, "customer")) == (422, "party_unknown")


async def test_parties_are_listed_by_what_is_asked_page_by_page(demo: Town) -> None:
    office = (await demo.staff.post(OFFICES, {"name": "Kisumu"})).json()["id"]
    chief = await party(demo, "super_agent", office=office)
    agents = {await party(demo, "agent", parent=chief) for _ in range(3)}
    number = (await demo.staff.get(f"{PARTIES}/{chief}")).json()["person"]["msisdn"]

    first = (await demo.staff.get(f"{PARTIES}?parent={chief}&limit=2")).json()
    second = (
        await demo.staff.get(f"{PARTIES}?parent={chief}&limit=2&cursor={first['next']}")
    ).json()
    assert {one["id"] for one in first["items"] + second["items"]} == agents
    assert second["next"] is None
    for query in (
        f"office={office}", f"office={office}&kind=super_agent&state=active",
        f"msisdn=%2B{number[1:]}",
    ):  # fmt: skip
        items = (await demo.staff.get(f"{PARTIES}?{query}")).json()["items"]
        assert [one["id"] for one in items] == [chief], query
    assert told(await demo.staff.get(f"{PARTIES}?cursor=nonsense")) == (400, "cursor_invalid")
    tree = (await demo.staff.get(f"{PARTIES}/{chief}/tree")).json()
    assert ({one["id"] for one in tree["items"]}, tree["more"]) == (agents, False)


async def test_a_party_is_moved_in_the_tree_and_never_above_itself(demo: Town) -> None:
    one = await party(demo, "super_agent")
    other = await party(demo, "super_agent", parent=one)
    agent = await party(demo, "agent")

    circle = await demo.staff.post(f"{PARTIES}/{one}/move", {"parent": other})
    wrong = await demo.staff.post(f"{PARTIES}/{one}/move", {"parent": agent})
    moved = await demo.staff.post(f"{PARTIES}/{agent}/move", {"parent": other})
    tree = (await demo.staff.get(f"{PARTIES}/{one}/tree")).json()["items"]

    assert told(circle) == (409, "parent_circular")
    assert told(wrong) == (409, "parent_kind_invalid")
    assert (moved.status_code, moved.json()["parent"]) == (200, other)
    assert [(node["id"], node["depth"]) for node in tree] == [(other, 1), (agent, 2)]


async def test_wallets_follow_their_party(demo: Town) -> None:
    amina = await party(demo)
    await demo.staff.post(f"{PARTIES}/{amina}/verify", {**WHY, "tier": 2})
    made = await opened(demo, amina, "customer")
    at = f"/v1/wallets/{made.json()['id']}"

    assert (made.status_code, made.json()["party"], made.json()["tier"]) == (201, amina, 2)
    suspended = await demo.staff.post(f"{PARTIES}/{amina}/suspend", WHY)
    assert (suspended.status_code, suspended.json()["state"]) == (200, "suspended")
    assert (await demo.staff.get(at)).json()["state"] == "frozen"
    assert told(await demo.staff.post(f"{at}/unfreeze")) == (409, "party_suspended")
    assert told(await opened(demo, amina, "customer")) == (409, "party_not_active")
    await demo.staff.post(f"{PARTIES}/{amina}/resume", WHY)
    rejected = await demo.staff.post(f"{PARTIES}/{amina}/reject-kyc", WHY)
    now = (await demo.staff.get(at)).json()
    assert (rejected.json()["kyc"], now["state"], now["tier"]) == ("rejected", "active", 0)
    then = await demo.staff.get(f"{PARTIES}/{amina}?as_of={suspended.json()['changed_at']}Z")
    assert then.status_code == 422
    moment = suspended.json()["changed_at"].replace("+", "%2B")
    then = await demo.staff.get(f"{PARTIES}/{amina}?as_of={moment}")
    assert then.json() == suspended.json()

    full = await demo.staff.post(f"{PARTIES}/{amina}/close", WHY)
    await demo.staff.post(f"{at}/close")
    closed = await demo.staff.post(f"{PARTIES}/{amina}/close", WHY)
    again = await demo.staff.post(f"{PARTIES}/{amina}/close", WHY)
    assert told(full) == (409, "party_has_wallets")
    assert (closed.json()["state"], again.json()) == ("closed", closed.json())
    assert told(await demo.staff.post(f"{PARTIES}/{amina}/activate")) == (409, "party_closed")


async def test_a_merchant_has_a_wallet_of_its_own_kind_and_stores(demo: Town) -> None:
    shop = await party(demo, "merchant")
    made = await opened(demo, shop, "merchant")
    wrong = await opened(demo, shop, "customer")
    stores = f"{PARTIES}/{shop}/stores"

    added = await demo.staff.post(stores, {"name": "Duka"}, key=(key := uuid.uuid4().hex))
    again = await demo.staff.post(stores, {"name": "Duka"}, key=key)
    other = await demo.staff.post(stores, {"name": "Soko"}, key=key)
    (store,) = added.json()["stores"]
    closed = await demo.staff.post(f"{stores}/{store['id']}/close")
    nobody = await demo.staff.post(f"{stores}/{shop}/close")
    agents = await demo.staff.post(f"{PARTIES}/{await party(demo)}/stores", {"name": "Duka"})

    assert (made.status_code, made.json()["kind"]) == (201, "merchant"), made.text
    assert told(wrong) == (422, "party_unknown")
    assert (added.status_code, again.json()) == (201, added.json())
    assert told(other) == (409, "idempotency_key_reused")
    assert closed.json()["stores"] == [{**store, "state": "closed"}]
    assert told(nobody) == (404, "store_not_found")
    assert told(agents) == (409, "party_kind_invalid")


async def test_only_staff_open_a_wallet_for_a_party(demo: Town) -> None:
    amina = await party(demo)
    body = {"kind": "customer", "msisdn": unique_msisdn(), "currency": "KES", "name": "A name"}

    answer = await demo.somebody().post("/v1/wallets", {**body, "party": amina})

    assert told(answer) == (403, "insufficient_scope")


async def test_an_office_is_added_once_changed_and_closed_when_nobody_needs_it(
    demo: Town, other: Town
) -> None:
    name, key = f"Office {secrets.token_hex(4)}", uuid.uuid4().hex
    made = await demo.staff.post(OFFICES, {"name": name}, key=key)
    again = await demo.staff.post(OFFICES, {"name": name}, key=key)
    reused = await demo.staff.post(OFFICES, {"name": "Other"}, key=key)
    at = made.headers["Location"]
    branch = await demo.staff.post(OFFICES, {"name": "Branch", "parent": made.json()["id"]})
    circle = {"name": name, "parent": branch.json()["id"], "state": "open"}

    assert (made.status_code, again.json()) == (201, made.json()), made.text
    assert told(reused) == (409, "idempotency_key_reused")
    refused = await ask(demo.staff, at, "PUT", circle, If_Match='"1"')
    assert told(refused) == (409, "parent_circular")
    shut = {"name": name, "parent": None, "state": "closed"}
    assert told(await ask(demo.staff, at, "PUT", shut, If_Match='"1"')) == (409, "office_in_use")
    below = {"name": "Branch", "parent": made.json()["id"], "state": "closed"}
    await ask(demo.staff, branch.headers["Location"], "PUT", below, If_Match='"1"')
    closed = await ask(demo.staff, at, "PUT", shut, If_Match='"1"')
    stale = await ask(demo.staff, at, "PUT", shut, If_Match='"1"')
    assert (closed.json()["state"], closed.json()["version"]) == ("closed", 2)
    assert told(stale) == (412, "version_conflict")
    assert (await demo.staff.get(at)).json() == closed.json()
    assert (await other.staff.get(at)).status_code == 404
    listed = (await demo.staff.get(f"{OFFICES}?limit=200")).json()["items"]
    assert closed.json() in listed
    amina = await party(demo)
    assign = {"office": made.json()["id"]}
    answer = await demo.staff.post(f"{PARTIES}/{amina}/assign-office", assign)
    assert told(answer) == (422, "office_unknown")
