"""Tariffs over the API: set by one, approved by another, dated, and nobody else's."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.opening import ask
from tests.e2e.ruling import product
from tests.e2e.town import Person, Town

TARIFFS = "/v1/tariffs"
CONTENT = {
    "currency": "KES",
    "charges": [
        {"name": "sending-fee", "payer": "sender", "tax": "0.20",
         "schedule": {"kind": "flat", "amount": "25.00"}}
    ],
}  # fmt: skip
FREE = {"currency": "KES"}


def later(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0).isoformat()


@pytest.fixture
def checker(other: Town) -> Person:
    return other.somebody(["tariffs:read", "tariffs:approve"], name="checker")


async def new(town: Town, **more: Any) -> dict[str, Any]:
    """The body of a tariff for a product of its own."""
    return {"movement": "p2p-transfer", "currency": "KES", "product": await product(town),
            "title": "Prices", "content": CONTENT} | more  # fmt: skip


async def made(town: Town, **more: Any) -> dict[str, Any]:
    answer = await town.staff.post(TARIFFS, await new(town, **more))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{TARIFFS}/{answer.json()['id']}"
    return answer.json()


async def decide(
    person: Person, tariff: dict[str, Any], number: int, decision: str = "approve"
) -> httpx.Response:
    body = {"number": number, "decision": decision}
    return await person.post(f"{TARIFFS}/{tariff['id']}/decisions", body)


async def put(person: Person, tariff: dict[str, Any], version: int, **more: Any) -> httpx.Response:
    body = {"version": version, "title": "Next", "content": FREE} | more
    return await ask(person, f"{TARIFFS}/{tariff['id']}", "PUT", body)


async def test_a_tariff_is_set_approved_followed_and_ended(other: Town, checker: Person) -> None:
    tariff = await made(other)
    assert (tariff["state"], tariff["number"], tariff["since"]) == ("pending", 1, None)

    own = await decide(other.staff, tariff, 1)
    approved = await decide(checker, tariff, 1)
    twice = await decide(checker, tariff, 1)
    moment = later(3)
    following = await put(other.staff, tariff, 1, since=moment)
    second = await decide(checker, tariff, 2)
    read = (await checker.get(f"{TARIFFS}/{tariff['id']}")).json()
    ending = await ask(other.staff, f"{TARIFFS}/{tariff['id']}", "DELETE")
    ended = await decide(checker, tariff, 3)

    assert (own.status_code, own.json()["code"]) == (403, "maker_may_not")
    assert (approved.status_code, approved.json()["state"]) == (200, "active")
    assert (twice.status_code, twice.json()["code"]) == (409, "version_not_pending")
    assert (following.status_code, following.json()["state"]) == (200, "pending")
    assert second.json()["content"] == FREE
    assert [(one["number"], one["state"]) for one in read["versions"]] == [
        (2, "active"), (1, "active"),
    ]  # fmt: skip
    assert read["versions"][1]["until"] == read["versions"][0]["since"]
    assert datetime.fromisoformat(read["since"]) == datetime.fromisoformat(moment)
    assert (ending.status_code, ending.json()["state"]) == (200, "pending")
    assert (ended.json()["state"], ended.json()["wanted"]) == ("retired", "retired")
    gone = (await checker.get(f"{TARIFFS}/{tariff['id']}")).json()
    assert [one["state"] for one in gone["versions"]] == ["retired", "withdrawn", "active"]


async def test_what_a_second_person_rejects_is_never_in_force(other: Town, checker: Person) -> None:
    tariff = await made(other)

    rejected = await decide(checker, tariff, 1, "reject")
    late = await decide(checker, tariff, 1)

    assert rejected.json()["state"] == "rejected"
    assert late.json()["code"] == "version_not_pending"


async def test_where_nobody_else_is_needed_it_is_in_force_at_once(demo: Town) -> None:
    tariff = await made(demo)
    ended = await ask(demo.staff, f"{TARIFFS}/{tariff['id']}", "DELETE")
    again = await ask(demo.staff, f"{TARIFFS}/{tariff['id']}", "DELETE")
    policy = await demo.staff.get("/v1/terms/four-eyes")

    assert tariff["state"] == "active"
    assert datetime.fromisoformat(tariff["since"]) <= datetime.now(UTC)
    assert ended.json()["state"] == "retired"
    assert (again.status_code, again.json()["code"]) == (412, "version_conflict")
    assert policy.json() == {"four_eyes": False, "pending": None}


async def test_one_person_alone_does_not_waive_the_second(other: Town) -> None:
    for _ in range(2):
        asked = await ask(other.staff, "/v1/terms/four-eyes", "PUT", {"four_eyes": False})
        pending = {"four_eyes": False, "requested_by": other.staff.subject}
        assert (asked.status_code, asked.headers["Location"]) == (202, "/v1/terms/four-eyes")
        assert asked.json() == {"four_eyes": True, "pending": pending}
        assert (await other.staff.get("/v1/terms/four-eyes")).json() == asked.json()

    kept = await ask(other.staff, "/v1/terms/four-eyes", "PUT", {"four_eyes": True})

    assert kept.json() == {"four_eyes": True, "pending": None}


async def test_a_gap_an_overlap_the_past_and_an_old_number_are_refused(demo: Town) -> None:
    tariff = await made(demo, until=later(5))

    refused = [
        await put(demo.staff, tariff, 1, since=later(6)),
        await put(demo.staff, tariff, 1, since=later(4)),
        await put(demo.staff, tariff, 1),
        await put(demo.staff, tariff, 1, since=later(-1)),
        await put(demo.staff, tariff, 1, since=later(6), until=later(6)),
        await put(demo.staff, tariff, 2, since=later(6)),
    ]

    assert [(one.status_code, one.json()["code"]) for one in refused] == [
        (409, "version_gap"), (409, "version_overlaps"), (409, "version_overlaps"),
        (422, "term_invalid"), (422, "term_invalid"), (412, "version_conflict"),
    ]  # fmt: skip
    followed = await put(demo.staff, tariff, 1, since=tariff["until"])
    assert (followed.status_code, followed.json()["number"]) == (200, 2)


async def test_of_many_who_set_the_next_version_at_once_one_does(demo: Town) -> None:
    tariff = await made(demo)

    answers = await asyncio.gather(
        *(put(demo.staff, tariff, 1, since=later(day)) for day in range(1, 6))
    )

    assert sorted(one.status_code for one in answers) == [200, 412, 412, 412, 412]


async def test_a_movement_has_one_tariff_for_each_product(demo: Town) -> None:
    body = await new(demo)

    answers = await asyncio.gather(*(demo.staff.post(TARIFFS, body) for _ in range(4)))
    other_currency = await demo.staff.post(TARIFFS, body | {"movement": "cash-out"})

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"already_there"}
    assert other_currency.status_code == 201


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown movement": ({"movement": "p2p-transferr"}, "/movement", "mean p2p-transfer?"),
    "a currency of others": ({"currency": "XAF"}, "/currency", "unknown"),
    "a tariff in another currency": (
        {"content": {"currency": "UGX"}}, "/content/currency", "is for KES",
    ),
    "a role nobody has": (
        {"movement": "cash-in", "content": {"currency": "KES", "commission": {
            "schedule": {"kind": "flat", "amount": "1"},
            "split": [{"role": "agnet", "share": "1"}]}}},
        "/content/commission/split/0/role", "did you mean agent?",
    ),
    "a rate that is none": (
        {"content": {"currency": "KES", "levy": {"rate": "20"}}}, "/content/levy/rate", "20 %",
    ),
    "a commission where no agent is": (
        {"content": {"currency": "KES", "commission": {
            "schedule": {"kind": "flat", "amount": "1"},
            "split": [{"role": "agent", "share": "1"}]}}},
        "/content", "has no line for C1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
async def test_what_cannot_be_is_refused_with_its_place_and_what_would_do(
    demo: Town, what: str
) -> None:
    more, pointer, told = WRONG[what]

    answer = await demo.staff.post(TARIFFS, await new(demo) | more)

    assert (answer.status_code, answer.json()["code"]) == (422, "tariff_invalid"), answer.text
    (error, *_) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert told in error["detail"]


BODIES: dict[str, dict[str, Any]] = {
    "content that is no object": {"content": []},
    "a product that is no number": {"product": "7"},
    "a moment without a zone": {"since": "2030-01-01T00:00:00"},
    "a moment that is a number": {"since": 4_000_000_000},
    "a member nobody knows": {"price": "1"},
    "no title": {"title": ""},
    "a product that is a truth": {"product": True},
}


@pytest.mark.parametrize("what", BODIES)
async def test_a_body_of_another_shape_is_refused(demo: Town, what: str) -> None:
    answer = await demo.staff.post(TARIFFS, await new(demo) | BODIES[what])

    assert (answer.status_code, answer.json()["code"]) == (422, "validation"), answer.text


async def test_a_product_that_is_not_there_has_no_tariff(demo: Town) -> None:
    answer = await demo.staff.post(TARIFFS, await new(demo) | {"product": 999_999_999})

    assert (answer.status_code, answer.json()["code"]) == (422, "product_unknown")


async def test_a_tariff_larger_than_a_body_is_refused(demo: Town) -> None:
    bands = [{"from": str(n), "amount": str(n)} for n in range(3000)]
    charge = {"name": "fee", "payer": "sender", "schedule": {"kind": "banded_flat", "bands": bands}}
    content = {"currency": "KES", "charges": [charge]}

    answer = await demo.staff.post(TARIFFS, await new(demo, content=content))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_another_tenants_tariff_is_not_there(demo: Town, other: Town) -> None:
    tariff = await made(demo)

    answers = [
        await other.staff.get(f"{TARIFFS}/{tariff['id']}"),
        await put(other.staff, tariff, 1),
        await decide(other.staff, tariff, 1),
        await ask(other.staff, f"{TARIFFS}/{tariff['id']}", "DELETE"),
        await demo.staff.get(f"{TARIFFS}/{uuid.uuid4()}"),
        await demo.staff.get(f"{TARIFFS}/none"),
    ]

    assert {(one.status_code, one.json()["code"]) for one in answers} == {(404, "not_found")}
    listed = (await other.staff.get(f"{TARIFFS}?limit=200")).json()["items"]
    assert tariff["id"] not in {one["id"] for one in listed}


async def test_each_command_needs_its_own_scope(other: Town) -> None:
    tariff = await made(other)
    path = f"{TARIFFS}/{tariff['id']}"
    reader = other.somebody(["tariffs:read"])
    setter = other.somebody(["tariffs:read", "tariffs:write"])
    nobody = other.somebody([])

    answers = [
        await nobody.get(TARIFFS),
        await nobody.get(path),
        await nobody.get(f"{TARIFFS}/template"),
        await nobody.get("/v1/terms/four-eyes"),
        await reader.post(TARIFFS, await new(other)),
        await put(reader, tariff, 1),
        await ask(reader, path, "DELETE"),
        await decide(setter, tariff, 1),
        await ask(setter, "/v1/terms/four-eyes", "PUT", {"four_eyes": False}),
    ]

    assert {(one.status_code, one.json()["code"]) for one in answers} == {
        (403, "insufficient_scope")
    }


async def test_tariffs_are_listed_page_by_page_and_by_movement(demo: Town) -> None:
    wanted = [await made(demo) for _ in range(3)]
    cash_out = await made(demo, movement="cash-out")

    found: list[str] = []
    path = f"{TARIFFS}?movement=p2p-transfer&limit=2"
    page = (await demo.staff.get(path)).json()
    while True:
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        page = (await demo.staff.get(f"{path}&cursor={page['next']}")).json()

    assert {one["id"] for one in wanted} <= set(found)
    assert len(found) == len(set(found))
    assert cash_out["id"] not in found


async def test_a_form_reads_what_may_be_charged(demo: Town) -> None:
    told = (await demo.staff.get(f"{TARIFFS}/template")).json()

    assert {"charges", "levy", "commission"} <= set(told["content"]["properties"])
    assert {"A", "F", "X"} <= set(told["movements"]["p2p-transfer"])
    assert told["roles"] == ["agent", "super-agent", "master-agent"]
