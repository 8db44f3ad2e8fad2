"""A group of operators shares named tables, read-only; a value has a version."""

import secrets
from typing import Any

import psycopg
import pytest

from tests.e2e.opening import Third, ask
from tests.e2e.town import Town


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
