"""A super-tenant's staff read everything with a reason, change nothing, and open tenants."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio

from tests.e2e.contract import contract
from tests.e2e.operator import Operator, open_client
from tests.e2e.town import Holder, Person, Town

WHY = "complaint 4711 of a customer"
OPEN_S = 60.0
OWN = re.compile(r"^/(healthz|readyz|metrics)$|^/v1/(super|tenants|tenant-groups)\b")
"""What is no tenant's: without X-Tenant."""


async def ask(
    person: Person, path: str, method: str = "GET", body: Any = None, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    token = {"Authorization": f"Bearer {person.token}"}
    return await person.http.request(method, path, json=body, headers=token | named)


def records(books: psycopg.Connection, *tenants: str) -> list[tuple[str, str]]:
    """Reads by super-tenants that the audits of these tenants know: tenant and object."""
    rows = books.execute(
        """SELECT t.slug, r.object FROM audit.record r JOIN tenancy.tenant t ON t.id = r.tenant_id
            WHERE r.action = 'super.read' AND t.slug = ANY (%s) ORDER BY 1, 2""",
        [list(tenants)],
    )
    return rows.fetchall()


@pytest_asyncio.fixture(scope="session")
async def paid(demo: Town) -> tuple[Holder, str]:
    """A customer of demo, and a movement of theirs."""
    alice, bob = await demo.customer("100"), await demo.customer()
    sent = await alice.sends("10", bob)
    assert sent.status_code == 201, sent.text
    await alice.balance(sent)
    return alice, sent.json()["id"]


@pytest_asyncio.fixture(scope="session")
async def listed(demo: Town) -> tuple[str, str]:
    """A code list of demo with a value."""
    name = f"list-{secrets.token_hex(4)}"
    put = await ask(
        demo.staff, f"/v1/code-lists/{name}/values/teacher", "PUT", {"label": "Teacher"}
    )
    assert put.status_code == 200, put.text
    return name, "teacher"


async def addresses(
    demo: Town, above: Town, paid: tuple[Holder, str], listed: tuple[str, str]
) -> Mapping[str, str]:
    """Path of every GET route → an address that there is something at."""
    user = (await demo.staff.post("/v1/identity/users", {
        "username": f"u-{secrets.token_hex(4)}", "name": "Amina", "home": "super/amina-1",
    })).json()  # fmt: skip
    group = (await above.staff.post("/v1/tenant-groups", {
        "name": f"g-{secrets.token_hex(4)}", "members": ["demo"],
    })).json()  # fmt: skip
    values = {
        "{wallet}": paid[0].wallet, "{movement_id}": paid[1], "{user}": user.get("id", ""),
        "{role}": "1", "{client}": "tests", "{name}": listed[0], "{code}": listed[1],
        "{tenant}": "demo", "{group}": group["id"],
    }  # fmt: skip
    found: dict[str, str] = {}
    for path, operations in contract()["paths"].items():
        if "get" in operations:
            found[path] = re.sub(r"\{\w+\}", lambda name: values[name[0]], path)
    return found


@pytest.mark.case("C8")
async def test_every_read_works_for_a_super_tenants_reader_with_a_reason_and_none_without(
    demo: Town, above: Town, books: psycopg.Connection, paid: tuple[Holder, str],
    listed: tuple[str, str],
) -> None:  # fmt: skip
    walked = await addresses(demo, above, paid, listed)
    assert len(walked) > 20
    auditor = above.somebody({"super:read", "tenants:read"})
    for path, address in walked.items():
        if OWN.search(path):
            answer = await ask(auditor, address, X_Reason=WHY)
            assert answer.status_code == 200, (address, answer.text)
            continue
        before = records(books, "demo", "super")
        refused = await ask(auditor, address, X_Tenant="demo")
        assert (refused.status_code, refused.json()["code"]) == (403, "reason_missing"), address
        assert records(books, "demo", "super") == before
        answer = await ask(auditor, address, X_Tenant="demo", X_Reason=WHY)
        assert answer.status_code == 200, (address, answer.text)
        new = records(books, "demo", "super")
        assert len(new) == len(before) + 2
        assert new.count(("demo", f"demo{address}")) > before.count(("demo", f"demo{address}"))
        assert new.count(("super", f"demo{address}")) > before.count(("super", f"demo{address}"))


@pytest.mark.case("C8")
async def test_a_reader_sees_what_the_tenant_sees(
    demo: Town, above: Town, paid: tuple[Holder, str]
) -> None:
    alice, movement = paid
    auditor = above.somebody({"super:read"})
    for path in (f"/v1/movements/{movement}", f"/v1/wallets/{alice.wallet}"):
        theirs = await ask(auditor, path, X_Tenant="demo", X_Reason=WHY)
        own = await alice.person.get(path)
        assert theirs.json() == own.json()
    other = await ask(auditor, f"/v1/movements/{movement}", X_Tenant="other", X_Reason=WHY)
    assert other.status_code == 404


@pytest.mark.case("C8")
@pytest.mark.parametrize(("reason", "code"), [
    (None, "reason_missing"), ("why", "reason_missing"), ("x" * 201, "reason_missing"),
])  # fmt: skip
async def test_a_reason_is_said(above: Town, reason: str | None, code: str) -> None:
    headers = {"X_Reason": reason} if reason else {}
    for path, more in (("/v1/movements", {"X_Tenant": "demo"}), ("/v1/super/counts", {})):
        answer = await ask(above.staff, path, **headers, **more)
        assert (answer.status_code, answer.json()["code"]) == (403, code)


@pytest.mark.case("C8")
async def test_a_reader_changes_nothing_without_entering(above: Town, demo: Town) -> None:
    body = {"kind": "customer", "msisdn": "+254700999999", "currency": "KES", "name": "A"}
    for method, path in (
        ("POST", "/v1/wallets"), ("PUT", "/v1/code-lists/occupations/values/x"),
        ("POST", "/v1/identity/users"),
    ):  # fmt: skip
        answer = await ask(above.staff, path, method, body, X_Tenant="demo", X_Reason=WHY)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.case("C8")
async def test_nobody_else_names_another_tenant(demo: Town, above: Town) -> None:
    """As if there were none: the same answer as for a tenant that does not exist."""
    unscoped = above.somebody({"tenants:read"})
    for person in (demo.staff, unscoped):
        there = await ask(person, "/v1/movements", X_Tenant="other", X_Reason=WHY)
        nowhere = await ask(person, "/v1/movements", X_Tenant="nowhere", X_Reason=WHY)
        assert (there.status_code, there.json()["code"]) == (404, "not_found")
        assert there.json() == nowhere.json()
    for path in ("/v1/super/counts", "/v1/super/movements", "/v1/super/balances"):
        answer = await ask(demo.staff, path, X_Reason=WHY)
        assert answer.status_code in {403, 404}
    for path in ("/v1/tenants", "/v1/tenant-groups"):
        assert (await ask(demo.staff, path)).status_code == 403


async def test_reads_over_all_tenants_are_the_sum_of_each(
    demo: Town, other: Town, above: Town, books: psycopg.Connection, paid: tuple[Holder, str]
) -> None:
    _, movement = paid
    await other.customer("5")
    before = records(books, "super")
    found = await ask(above.staff, "/v1/super/movements?limit=200&type=cash-in", X_Reason=WHY)
    one = await ask(above.staff, "/v1/super/movements?of=demo&limit=200", X_Reason=WHY)
    balances = await ask(above.staff, "/v1/super/balances", X_Reason=WHY)
    counts = await ask(above.staff, "/v1/super/counts?of=other", X_Reason=WHY)
    nowhere = await ask(above.staff, "/v1/super/counts?of=nowhere", X_Reason=WHY)

    assert {row["tenant"] for row in found.json()["items"]} >= {"demo", "other"}
    ids = [row["id"] for row in found.json()["items"]]
    assert ids == sorted(ids, reverse=True)
    assert {row["tenant"] for row in one.json()["items"]} == {"demo"}
    assert movement in {row["id"] for row in one.json()["items"]}
    for tenant in ("demo", "other"):
        sums = [row for row in balances.json()["items"] if row["tenant"] == tenant]
        assert {row["account"] for row in sums} >= {"TRUST_BANK", "OP.FEES"}
    assert {row["tenant"] for row in counts.json()["items"]} == {"other"}
    assert {row["what"] for row in counts.json()["items"]} == {"wallet", "movement"}
    assert nowhere.status_code == 404
    assert len(records(books, "super")) == len(before) + 4


async def test_pages_of_all_tenants_hang_together(above: Town, paid: object) -> None:
    path = "/v1/super/movements"
    whole = (await ask(above.staff, f"{path}?limit=6", X_Reason=WHY)).json()["items"]
    first = (await ask(above.staff, f"{path}?limit=3", X_Reason=WHY)).json()
    second = await ask(above.staff, f"{path}?limit=3&cursor={first['next']}", X_Reason=WHY)

    assert [one["id"] for one in first["items"] + second.json()["items"]][:6] == [
        one["id"] for one in whole
    ]


class Third(Town):
    """A tenant that was opened by its workflow, in the running operator."""

    invitation: str


async def until_active(above: Town, slug: str) -> None:
    deadline = time.monotonic() + OPEN_S
    while True:
        answer = await ask(above.staff, f"/v1/tenants/{slug}")
        assert answer.status_code == 200, answer.text
        if answer.json()["state"] == "active":
            return
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.2)


def wanted(slug: str) -> dict[str, Any]:
    return {
        "slug": slug, "name": "Third Mobile Money", "timezone": "Africa/Kampala", "country": "UG",
        "currencies": ["UGX"], "administrator": {"username": "grace", "name": "Grace"},
        "console": "https://console.example/back",
    }  # fmt: skip


@pytest_asyncio.fixture(scope="session")
async def third(stack: Operator, above: Town, http: httpx.AsyncClient) -> AsyncIterator[Third]:
    slug = f"third-{secrets.token_hex(3)}"
    asked = await above.staff.post("/v1/tenants", wanted(slug))
    assert asked.status_code == 202, asked.text
    assert asked.json()["state"] == "pending"
    await until_active(above, slug)
    with psycopg.connect(stack.database.admin) as admin:
        row = admin.execute("SELECT id FROM tenancy.tenant WHERE slug = %s", [slug]).fetchone()
    assert row is not None
    await open_client(stack.settings(), row[0])
    town = Third(stack, http, slug)
    town.invitation = asked.json()["invitation"]
    yield town


async def test_a_tenant_that_was_asked_for_works_and_its_audit_knows_who_asked(
    third: Third, above: Town, books: psycopg.Connection
) -> None:
    wallet = await third.wallet(third.staff, "super_agent", "UGX")
    issued = await third.staff.move(
        "emoney-issuance", "1000", currency="UGX", recipient=wallet.wallet, bank_reference="B 1"
    )
    again = await above.staff.post("/v1/tenants", wanted(third.tenant))
    listed = await ask(above.staff, "/v1/tenants")
    own = await ask(third.staff, "/v1/tenant")

    assert issued.status_code == 201, issued.text
    assert (again.status_code, again.json()["code"]) == (409, "already_there")
    assert third.tenant in {one["slug"] for one in listed.json()["items"]}
    assert own.json()["currencies"] == ["UGX"]
    rows = books.execute(
        """SELECT t.slug, r.actor FROM audit.record r JOIN tenancy.tenant t ON t.id = r.tenant_id
            WHERE r.action = 'tenant.opened' AND r.object = %s ORDER BY 1""",
        [f"tenant/{third.tenant}"],
    ).fetchall()
    assert rows == [("super", f"super/{above.staff.subject}"),
                    (third.tenant, f"super/{above.staff.subject}")]  # fmt: skip


@pytest.mark.parametrize("change", [
    {"slug": "platform"}, {"slug": "UPPER"}, {"timezone": "Mars/Base"}, {"currencies": []},
    {"console": "http://evil.example/"}, {"kind": "super"},
])  # fmt: skip
async def test_a_tenant_that_cannot_be_is_not_asked_for(
    above: Town, change: dict[str, Any]
) -> None:
    body = wanted("t-never") | change
    assert (await above.staff.post("/v1/tenants", body)).status_code == 422


@pytest.mark.case("C9")
async def test_a_suspended_tenant_is_refused_at_once_and_read_by_super_only(
    third: Third, above: Town
) -> None:
    wallet = await third.wallet(third.staff, "super_agent", "UGX")
    path = f"/v1/wallets/{wallet.wallet}"
    assert (await third.staff.get(path)).status_code == 200
    suspended = await ask(above.staff, f"/v1/tenants/{third.tenant}/suspend", "POST")
    assert suspended.json()["state"] == "suspended"
    try:
        refused = await third.staff.get(path)
        seen = await ask(above.staff, path, X_Tenant=third.tenant, X_Reason=WHY)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
        assert seen.status_code == 200
    finally:
        resumed = await ask(above.staff, f"/v1/tenants/{third.tenant}/resume", "POST")
    assert resumed.json()["state"] == "active"
    assert (await third.staff.get(path)).status_code == 200


async def test_nobody_but_a_super_tenant_suspends(demo: Town, above: Town, stack: Operator) -> None:
    answer = await ask(demo.staff, "/v1/tenants/other/suspend", "POST")
    itself = await ask(above.staff, "/v1/tenants/super/suspend", "POST")
    assert answer.status_code == 403
    assert itself.status_code == 404
    with psycopg.connect(stack.database.dsn("mmo_front")) as front:
        front.execute("SET LOCAL app.tenant = '1'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            front.execute("SELECT tenancy.set_state('other', 'suspended')")


@pytest.mark.case("C6")
async def test_a_group_shares_a_code_list_until_its_member_leaves(
    demo: Town, other: Town, third: Third, above: Town, listed: tuple[str, str]
) -> None:
    name, code = listed
    path = f"/v1/code-lists/{name}/values"
    group = {"members": ["demo", "other"],
             "shares": [{"resource": "code_lists", "owner": "demo"}]}  # fmt: skip
    before = await ask(other.staff, path)
    made = await above.staff.post("/v1/tenant-groups", {"name": name, **group})
    assert made.status_code == 201, made.text
    at = f"/v1/tenant-groups/{made.json()['id']}"

    read = await ask(other.staff, path)
    written = await ask(other.staff, f"{path}/{code}", "PUT", {"label": "Mine"})
    conditional = await ask(other.staff, f"{path}/{code}", "PUT", {"label": "Mine"}, If_Match='"1"')
    added = await ask(other.staff, f"{path}/nurse", "PUT", {"label": "Nurse"})
    outsider = await ask(third.staff, path)
    lists = (await ask(other.staff, "/v1/code-lists")).json()["items"]
    told = (await ask(other.staff, "/v1/tenant")).json()["shares"]
    assert (read.status_code, read.json()["owner"]) == (200, "demo")
    assert [row["label"] for row in read.json()["items"]] == ["Teacher"]
    for refused in (written, conditional, added):
        assert (refused.status_code, refused.json()["code"]) == (403, "shared_read_only")
    assert (outsider.status_code, outsider.json()) == (before.status_code, before.json())
    assert outsider.status_code == 404
    assert (name, "demo") in {(one["list"], one["owner"]) for one in lists}
    assert {"group": name, "resource": "code_lists", "owner": "demo"} in told

    left = await ask(above.staff, at, "PUT", group | {"members": ["demo"]}, If_Match='"1"')
    assert left.status_code == 200, left.text
    assert (await ask(other.staff, path)).status_code == 404
    own = await ask(other.staff, f"{path}/{code}", "PUT", {"label": "Mine"})
    assert (own.status_code, own.json()["owner"]) == (200, "other")
    assert [row["label"] for row in (await ask(demo.staff, path)).json()["items"]] == ["Teacher"]


@pytest.mark.case("C7")
@pytest.mark.parametrize("resource", ["ledger", "wallets", "audit", "movements", "code_lists; --"])
async def test_what_is_not_to_be_shared_cannot_be_configured(
    above: Town, books: psycopg.Connection, resource: str
) -> None:
    body = {"name": f"g-{secrets.token_hex(4)}", "members": ["demo", "other"],
            "shares": [{"resource": resource, "owner": "demo"}]}  # fmt: skip
    answer = await above.staff.post("/v1/tenant-groups", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
    with pytest.raises(psycopg.errors.CheckViolation):
        books.execute(
            "INSERT INTO tenancy.group_share VALUES (3, gen_random_uuid(), %s, 1)", [resource]
        )


@pytest.mark.parametrize(("change", "status"), [
    ({"members": ["nowhere"]}, 422), ({"members": ["super"]}, 422),
    ({"shares": [{"resource": "code_lists", "owner": "third"}]}, 422), ({"name": "No Name"}, 422),
])  # fmt: skip
async def test_a_group_is_of_operators_and_owners_are_members(
    above: Town, change: dict[str, Any], status: int
) -> None:
    body = {"name": f"g-{secrets.token_hex(4)}", "members": ["demo"], **change}
    assert (await above.staff.post("/v1/tenant-groups", body)).status_code == status


@pytest.mark.case("H10")
async def test_a_value_is_changed_by_whoever_read_it_last(
    demo: Town, books: psycopg.Connection
) -> None:
    path = f"/v1/code-lists/l-{secrets.token_hex(4)}/values/tailor"
    made = await ask(demo.staff, path, "PUT", {"label": "Tailor"})
    blind = await ask(demo.staff, path, "PUT", {"label": "Taylor"})
    changed = await ask(demo.staff, path, "PUT", {"label": "Tailor", "active": False},
                        If_Match=made.headers["etag"])  # fmt: skip
    stale = await ask(demo.staff, path, "PUT", {"label": "Old"}, If_Match=made.headers["etag"])
    nowhere = await ask(demo.staff, f"{path}x", "PUT", {"label": "New"}, If_Match='"1"')
    values = path.rpartition("/")[0]
    offered = await ask(demo.staff, f"{values}?active=true")
    every = await ask(demo.staff, values)

    assert made.headers["etag"] == '"1"'
    assert changed.json()["version"] == 2
    for refused in (blind, stale):
        assert (refused.status_code, refused.json()["code"]) == (412, "version_conflict")
    assert nowhere.status_code == 404
    assert offered.json()["items"] == []
    assert [row["active"] for row in every.json()["items"]] == [False]
    kept = books.execute(
        "SELECT before IS NULL, after IS NULL FROM audit.record WHERE object = %s ORDER BY seq",
        [f"code-list/{path.split('/')[3]}/tailor"],
    ).fetchall()
    assert kept == [(True, False), (False, False)]


async def test_a_group_is_changed_by_whoever_read_it_last(above: Town) -> None:
    made = await above.staff.post(
        "/v1/tenant-groups", {"name": f"g-{secrets.token_hex(4)}", "members": ["demo"]}
    )
    at = f"/v1/tenant-groups/{made.json()['id']}"
    first = await ask(above.staff, at, "PUT", {"members": ["other"]}, If_Match='"1"')
    second = await ask(above.staff, at, "PUT", {"members": []}, If_Match='"1"')

    assert first.json()["members"] == ["other"]
    assert (second.status_code, second.json()["code"]) == (412, "version_conflict")
    assert (await ask(above.staff, at)).json()["members"] == ["other"]
