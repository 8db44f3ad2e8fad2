"""Users, roles and clients: what two people agree on binds at the next request."""

import secrets
from typing import Any

import httpx
import pytest

from api.scopes import scopes
from mmo.identity.standard import CLERK
from tests.e2e.town import Person, Town

USERS, ROLES, CLIENTS = "/v1/identity/users", "/v1/identity/roles", "/v1/identity/clients"


def named(word: str) -> str:
    return f"{word}-{secrets.token_hex(4)}"


async def new_user(by: Person) -> dict[str, Any]:
    """A guest: active from the start, for there is no password to set."""
    body = {"username": named("user"), "name": "Amina", "home": f"super/{named('amina')}"}
    answer = await by.post(USERS, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def new_role(by: Person, *permissions: str) -> dict[str, Any]:
    answer = await by.post(ROLES, {"name": named("role"), "permissions": list(permissions)})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def put(
    by: Person, path: str, body: Any = None, version: int | None = None
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {by.token}"}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return await by.http.put(path, json=body, headers=headers)


async def delete(by: Person, path: str) -> httpx.Response:
    return await by.http.delete(path, headers={"Authorization": f"Bearer {by.token}"})


async def holder_of(demo: Town, role: dict[str, Any]) -> tuple[Person, str]:
    """A user with an active role, and the token that says so."""
    user, checker = await new_user(demo.staff), demo.somebody(scopes(), name="second")
    path = f"{USERS}/{user['id']}/roles/{role['id']}"
    assert (await put(demo.staff, path)).status_code == 202
    assert (await checker.post(f"{path}/activate")).status_code == 200
    claims = demo.claims(user["id"], scopes(), roles=[role["name"]])
    return Person(demo.staff.http, user["id"], demo.sign(claims)), path


@pytest.mark.case("I1")
async def test_a_role_is_given_by_two_people(demo: Town) -> None:
    user, checker = await new_user(demo.staff), demo.somebody(scopes(), name="second")
    path = f"{USERS}/{user['id']}/roles/{CLERK}"

    asked = await put(demo.staff, path)
    assert (asked.status_code, asked.json()["state"]) == (202, "pending")
    own = await demo.staff.post(f"{path}/activate")
    assert (own.status_code, own.json()["code"]) == (409, "grant_not_pending")
    given = await checker.post(f"{path}/activate")
    assert (given.status_code, given.json()["state"]) == (200, "active")
    again = await checker.post(f"{path}/activate")
    assert again.status_code == 409
    read = (await demo.staff.get(f"{USERS}/{user['id']}")).json()
    assert [(one["role"], one["state"]) for one in read["roles"]] == [("clerk", "active")]


@pytest.mark.case("I1")
async def test_nobody_activates_a_role_of_their_own(demo: Town) -> None:
    role = await new_role(demo.staff, "identity:activate")
    holder, _ = await holder_of(demo, role)
    path = f"{USERS}/{holder.subject}/roles/{CLERK}"
    assert (await put(demo.staff, path)).status_code == 202

    answer = await holder.post(f"{path}/activate")
    assert (answer.status_code, answer.json()["code"]) == (403, "maker_may_not")


@pytest.mark.case("A27")
@pytest.mark.case("I2")
async def test_a_role_that_is_taken_away_binds_at_the_next_request(demo: Town) -> None:
    holder, path = await holder_of(demo, await new_role(demo.staff, "movements:read"))
    assert (await holder.get("/v1/movements")).status_code == 200

    assert (await delete(demo.staff, path)).status_code == 204
    answer = await holder.get("/v1/movements")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.case("A27")
@pytest.mark.case("H10")
async def test_a_permission_that_a_role_loses_binds_at_the_next_request(demo: Town) -> None:
    role = await new_role(demo.staff, "movements:read")
    holder, _ = await holder_of(demo, role)
    assert (await holder.get("/v1/movements")).status_code == 200

    changed = await put(demo.staff, f"{ROLES}/{role['id']}", {"permissions": []}, role["version"])
    assert changed.status_code == 200
    assert (await holder.get("/v1/movements")).status_code == 403
    stale = await put(demo.staff, f"{ROLES}/{role['id']}", {"permissions": []}, role["version"])
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")


@pytest.mark.case("A26")
async def test_a_user_who_is_suspended_is_out_at_the_next_request(demo: Town) -> None:
    holder, _ = await holder_of(demo, await new_role(demo.staff, "movements:read"))
    about = {"name": "Amina", "state": "suspended", "attributes": {}}

    assert (await put(demo.staff, f"{USERS}/{holder.subject}", about, 1)).status_code == 200
    answer = await holder.get("/v1/movements")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_a_token_cannot_claim_a_role_that_its_user_never_had(demo: Town) -> None:
    user = await new_user(demo.staff)
    claims = demo.claims(user["id"], scopes(), roles=["clerk", "administrator"])
    liar = Person(demo.staff.http, user["id"], demo.sign(claims))

    assert (await liar.get("/v1/movements")).status_code == 403


async def test_a_secret_is_shown_once(demo: Town) -> None:
    name = named("payroll")
    body = {"id": name, "name": "Payroll", "kind": "confidential",
            "grants": ["client_credentials"], "scopes": ["movements:read"]}  # fmt: skip
    made = await demo.staff.post(CLIENTS, body)

    assert made.status_code == 201
    assert len(made.json()["secret"]) > 40
    assert made.headers["cache-control"] == "no-store"
    read = await demo.staff.get(f"{CLIENTS}/{name}")
    assert read.json()["secret"] is None if "secret" in read.json() else True
    assert made.json()["secret"] not in read.text
    assert (await demo.staff.post(CLIENTS, body)).json()["code"] == "already_there"


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uris": ["http://evil.example/back"]},
        {"redirect_uris": ["https://a@evil.example/"]},
        {"redirect_uris": ["https://ok.example/#fragment"]},
        {"scopes": ["everything"]},
        {"grants": ["password"]},
        {"kind": "public"},
        {"grants": ["urn:mmo:params:oauth:grant-type:pin"]},
        {"tenant_id": 2},
    ],
)
async def test_a_client_that_cannot_be_is_refused(demo: Town, wrong: dict[str, Any]) -> None:
    body = {"id": named("client"), "name": "C", "kind": "confidential",
            "grants": ["client_credentials"], "scopes": ["movements:read"]} | wrong  # fmt: skip
    answer = await demo.staff.post(CLIENTS, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation")


async def test_super_reading_is_not_a_tenants_to_give(demo: Town) -> None:
    answer = await demo.staff.post(ROLES, {"name": named("role"), "permissions": ["super:read"]})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.case("C1")
async def test_another_tenants_users_are_not_there(demo: Town, other: Town) -> None:
    user = await new_user(demo.staff)

    read = await other.staff.get(f"{USERS}/{user['id']}")
    changed = await put(
        other.staff, f"{USERS}/{user['id']}", {"name": "x", "state": "closed", "attributes": {}}, 1
    )
    assert (read.status_code, changed.status_code) == (404, 404)
    assert user["username"] not in (await other.staff.get(f"{USERS}?limit=200")).text


@pytest.mark.case("C2")
async def test_a_tenant_is_named_by_the_token_alone(demo: Town) -> None:
    async def asked(path: str, *more: tuple[str, str]) -> tuple[int, str]:
        headers = [("Authorization", f"Bearer {demo.staff.token}"), *more]
        answer = await demo.staff.http.get(path, headers=headers)
        return answer.status_code, answer.json()["code"]

    assert await asked("/v1/movements?tenant_id=2") == (422, "validation")
    assert await asked("/v1/movements?limit=1&limit=2") == (400, "bad_request")
    assert await asked("/v1/movements", ("X-Tenant", "other")) == (404, "not_found")
    twice = (("X-Tenant", "demo"), ("X-Tenant", "other"))
    assert await asked("/v1/movements", *twice) == (400, "bad_request")


@pytest.mark.case("C20")
async def test_nothing_can_be_set_that_is_not_asked_for(demo: Town) -> None:
    body = {"username": named("user"), "name": "A", "roles": ["administrator"], "state": "active"}
    answer = await demo.staff.post(USERS, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
