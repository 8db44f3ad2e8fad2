"""Rules over the API: set, in force at the next movement, ended; and approved by two people."""

import uuid
from typing import Any

import psycopg
import pytest

from tests.e2e.opening import ask
from tests.e2e.ruling import BANDS, created, rules_of_one, sender
from tests.e2e.town import Holder, Town

FLAGS = "/bep/account-flagging"
ORIGINAL_FLAGS = {
    "entity": "loan", "event": "waive interest", "isPreEvent": True,
    "processor": "accountFlaggingValidator", "data": {"blockedForFlags": ["XYZ", "ABC"]},
}  # fmt: skip
ORIGINAL_BANDS = {
    "entity": "loan", "event": "approval", "isPreEvent": True,
    "processor": "dataDrivenAuthorisationValidator",
    "data": [
        {"fromAmount": 10000, "toAmount": 1000000, "roleId": 2},
        {"fromAmount": 1000001, "toAmount": 1000000000, "roleId": 3},
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def alone(books: psycopg.Connection) -> None:
    rules_of_one(books)


async def code(town: Town, name: str, value: str) -> None:
    put = await ask(town.staff, f"/v1/code-lists/{name}/values/{value}", "PUT", {"label": value})
    assert put.status_code in {200, 409, 412}, put.text


def flag_rule(number: int | None, *codes: str, **more: Any) -> dict[str, Any]:
    return {
        "entity": "wallet", "event": "transfer", "isPreEvent": True, "productId": number,
        "data": {"blockedForFlags": list(codes)}, **more,
    }  # fmt: skip


async def flag(town: Town, holder: Holder, value: str) -> None:
    body = {"list": "wallet-flags", "code": value, "reason": "looked into"}
    flagged = await town.staff.post(f"/v1/wallets/{holder.wallet}/flags", body)
    assert flagged.status_code in {200, 201}, flagged.text


async def test_a_rule_refuses_the_next_movement_and_once_ended_no_more(
    demo: Town, books: psycopg.Connection
) -> None:
    await code(demo, "wallet-flags", "XYZ")
    (alice, number), bob = await sender(demo, books), await demo.customer()
    await flag(demo, alice, "XYZ")
    template = await demo.staff.get(f"{FLAGS}/template")
    assert "blockedForFlags" in template.json()["metadata"]["properties"]

    rule = await created(demo, FLAGS, flag_rule(number, "XYZ"))
    refused = await alice.sends("10.00", bob)
    ended = await ask(demo.staff, f"{FLAGS}/{rule['id']}", "DELETE")
    allowed = await alice.sends("10.00", bob)

    assert rule["state"] == "active"
    assert (refused.status_code, refused.json()["code"]) == (
        422, "invalid_action_for_flagged_account",
    )  # fmt: skip
    (violation,) = refused.json()["details"]["violations"]
    assert violation["details"]["flags"] == ["XYZ"]
    assert ended.status_code == 204
    assert allowed.status_code == 201, allowed.text
    told = await demo.staff.get(
        f"/v1/movements/{refused.json()['movement_id']}/timeline", after=refused
    )
    (said,) = next(one for one in told.json()["items"] if one["kind"] == "decided")["detail"][
        "rules"
    ]
    assert (said["definition"], said["version"], said["mode"], said["verdict"]) == (
        rule["id"], 1, "binding", "refuse",
    )  # fmt: skip


async def test_the_original_documents_are_taken_as_they_stand_where_they_leave_no_gap(
    demo: Town,
) -> None:
    for value in ("XYZ", "ABC"):
        await code(demo, "loan-account-flags", value)
    flags = await demo.staff.post("/bep/accountFlaggingValidator", ORIGINAL_FLAGS)
    gap = await demo.staff.post("/bep/datadrivenautorisation", ORIGINAL_BANDS)
    right: dict[str, Any] = {
        **ORIGINAL_BANDS,
        "data": [dict(one) for one in ORIGINAL_BANDS["data"]],
    }  # type: ignore[attr-defined]
    right["data"][0]["toAmount"] = "1000000.99"
    bands = await demo.staff.post("/bep/datadrivenautorisation", right)

    assert flags.status_code in {201, 409}, flags.text
    assert gap.status_code == 422
    assert "1000000.01" in gap.json()["detail"]
    assert bands.status_code in {201, 409}, bands.text
    for path in (FLAGS, BANDS):
        listed = (await demo.staff.get(f"{path}?limit=200")).json()["items"]
        (stored,) = [one for one in listed if one["entity"] == "loan"]
        assert stored["binds"] is False
        await ask(demo.staff, f"{path}/{stored['id']}", "DELETE")


WRONG = {
    "an unknown event names the nearest": ({"event": "transferr"}, "wallet.transfer"),
    "an unknown code": ({"data": {"blockedForFlags": ["XYY"]}}, "XYY"),
    "no flags at all": ({"data": {"blockedForFlags": []}}, "data"),
    "after the event it has no say": ({"isPreEvent": False}, "no say"),
    "another processor's address": ({"processor": "sms"}, "account-flagging"),
    "a product that is not there": ({"productId": 999999999}, ""),
}


@pytest.mark.parametrize("what", WRONG)
async def test_settings_that_cannot_be_are_refused_with_what_would_do(
    demo: Town, what: str
) -> None:
    await code(demo, "wallet-flags", "XYZ")
    changes, named = WRONG[what]

    answer = await demo.staff.post(FLAGS, flag_rule(None, "XYZ") | changes)

    assert answer.status_code == 422, answer.text
    assert named in answer.text


async def test_a_products_own_rule_takes_the_place_of_the_default(
    demo: Town, books: psycopg.Connection
) -> None:
    await code(demo, "wallet-flags", "DEFAULT-ONLY")
    (alice, number), bob = await sender(demo, books), await demo.customer()
    await flag(demo, alice, "DEFAULT-ONLY")
    default = await demo.staff.post(FLAGS, flag_rule(None, "DEFAULT-ONLY"))
    try:
        refused = await alice.sends("1.00", bob)
        await code(demo, "wallet-flags", "OTHER")
        own = await created(demo, FLAGS, flag_rule(number, "OTHER"))
        allowed = await alice.sends("1.00", bob)
        await ask(demo.staff, f"{FLAGS}/{own['id']}", "DELETE")
    finally:
        await ask(demo.staff, f"{FLAGS}/{default.json()['id']}", "DELETE")

    assert refused.json()["code"] == "invalid_action_for_flagged_account"
    assert allowed.status_code == 201, allowed.text


async def test_a_next_version_binds_and_a_shadow_beside_it_never_does(
    demo: Town, books: psycopg.Connection
) -> None:
    await code(demo, "wallet-flags", "XYZ")
    (alice, number), bob = await sender(demo, books), await demo.customer()
    await flag(demo, alice, "XYZ")
    rule = await created(demo, FLAGS, flag_rule(number, "XYZ", state="shadow"))
    where = f"{FLAGS}/{rule['id']}"

    shadowed = await alice.sends("1.00", bob)
    changed = await ask(demo.staff, where, "PUT", flag_rule(number, "XYZ"), If_Match='"1"')
    late = await ask(demo.staff, where, "PUT", flag_rule(number, "XYZ"), If_Match='"1"')
    bound = await alice.sends("1.00", bob)
    read = (await demo.staff.get(where)).json()

    assert shadowed.status_code == 201, shadowed.text
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert late.status_code == 412
    assert bound.json()["code"] == "invalid_action_for_flagged_account"
    assert [one["state"] for one in read["versions"]] == ["active", "shadow"]
    await ask(demo.staff, where, "DELETE")


@pytest.mark.case("I14")
async def test_where_rules_need_two_people_one_alone_sets_ends_and_waives_nothing(
    other: Town,
) -> None:
    await code(other, "wallet-flags", "XYZ")
    setter, checker = other.staff, other.somebody(["bep:read", "bep:approve"], name="checker")
    rule = await created(other, FLAGS, flag_rule(None, "XYZ") | {"event": "cash-out"})
    where = f"/v1/bep/definitions/{rule['id']}"

    own = await setter.post(f"{where}/approve")
    waived = await ask(setter, "/v1/bep/settings", "PUT", {"four_eyes": False})
    waits = await checker.get("/v1/bep/settings")
    kept = await ask(setter, "/v1/bep/settings", "PUT", {"four_eyes": True})
    approved = await checker.post(f"{where}/approve")
    twice = await checker.post(f"{where}/approve")
    ending = await ask(setter, f"{FLAGS}/{rule['id']}", "DELETE")
    still = (await checker.get(f"{FLAGS}/{rule['id']}")).json()
    ended = await checker.post(f"{where}/approve")

    assert rule["state"] == "pending"
    assert own.json()["code"] == "maker_may_not"
    pending = {"four_eyes": False, "requested_by": setter.subject}
    assert (waived.status_code, waived.headers["Location"]) == (202, "/v1/bep/settings")
    assert waived.json() == waits.json() == {"four_eyes": True, "pending": pending}
    assert (kept.status_code, kept.json()) == (200, {"four_eyes": True, "pending": None})
    assert approved.json()["state"] == "active"
    assert twice.json()["code"] == "rule_not_pending"
    assert ending.status_code == 202
    assert [one["state"] for one in still["versions"]] == ["pending", "active"]
    assert ended.json()["state"] == "retired"


async def test_another_tenants_rule_is_not_there(demo: Town, other: Town) -> None:
    await code(demo, "wallet-flags", "XYZ")
    rule = await created(
        demo, FLAGS, flag_rule(None, "XYZ") | {"event": "close", "state": "shadow"}
    )
    where = f"{FLAGS}/{rule['id']}"

    answers = [
        await other.staff.get(where),
        await ask(other.staff, where, "DELETE"),
        await other.staff.post(f"/v1/bep/definitions/{rule['id']}/approve"),
        await other.staff.get(f"{FLAGS}/{uuid.uuid4()}"),
        await demo.staff.get(f"{BANDS}/{rule['id']}"),
    ]
    await ask(demo.staff, where, "DELETE")

    assert {answer.json()["code"] for answer in answers} == {"rule_not_found"}


async def test_everything_that_may_happen_is_listed_with_what_it_carries(demo: Town) -> None:
    listed = (await demo.staff.get("/v1/bep/events")).json()["items"]
    named = {f"{one['entity']}.{one['event']}": one for one in listed}

    assert named["wallet.transfer"]["parties"] == {"payer": "payer", "payee": "payee"}
    assert named["wallet.transfer"]["amount"] is True
    assert named["loan.waive-interest"]["declared"] is True
    processors = (await demo.staff.get("/v1/bep/processors")).json()["items"]
    assert {"account-flagging", "sms", "task", "velocity"} <= {one["name"] for one in processors}
