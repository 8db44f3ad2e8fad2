"""Documents over the API: kinds and rows without DDL, versions, and one tenant's only."""

import secrets
from typing import Any

import httpx

from tests.e2e.opening import ask
from tests.e2e.town import Holder, Town


async def kind(demo: Town, **more: Any) -> str:
    name = f"visit_{secrets.token_hex(4)}"
    body = {"title": "Site visit", "table": True, "indexes": ["/status"], **more}
    put = await ask(demo.staff, f"/v1/document-kinds/{name}", "PUT", body)
    assert put.status_code == 200, put.text
    return name


async def row(demo: Town, name: str, holder: Holder, body: Any, **how: Any) -> httpx.Response:
    told = {"subject": f"wallet/{holder.wallet}", "body": body}
    return await demo.staff.post(f"/v1/documents/{name}", told, **how)


async def test_a_row_is_added_once_found_changed_and_removed(demo: Town, alice: Holder) -> None:
    name = await kind(demo)
    added = await row(demo, name, alice, {"status": "open"}, key="once")
    again = await row(demo, name, alice, {"status": "open"}, key="once")
    other = await row(demo, name, alice, {"status": "late"}, key="once")
    assert (added.status_code, again.json()["id"]) == (201, added.json()["id"])
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    path = f"/v1/documents/{name}"
    at = added.headers["Location"]
    found = await demo.staff.get(f"{path}?field=/status&value=open")
    subject = await demo.staff.get(f"{path}?subject=wallet/{alice.wallet}")
    assert found.json()["items"] == subject.json()["items"] == [added.json()]
    body = {"body": {"status": "done"}}
    stale = await ask(demo.staff, at, "PUT", body, If_Match='"9"')
    changed = await ask(demo.staff, at, "PUT", body, If_Match='"1"')
    assert (stale.status_code, changed.status_code) == (412, 200)
    assert (await demo.staff.get(f"{path}?field=/status&value=open")).json()["items"] == []

    gone = await ask(demo.staff, at, "DELETE", If_Match='"2"')
    versions = (await demo.staff.get(f"{at}/versions")).json()["items"]
    assert (gone.status_code, (await demo.staff.get(at)).status_code) == (204, 404)
    assert [(one["number"], one["body"]) for one in versions] == [
        (3, None), (2, {"status": "done"}), (1, {"status": "open"}),
    ]  # fmt: skip


async def test_what_does_not_fit_is_told_by_its_place(demo: Town, alice: Holder) -> None:
    schema = {"properties": {"score": {"type": "integer"}}, "required": ["score"]}
    name = await kind(demo, schema=schema)

    wrong = await row(demo, name, alice, {"score": "nine"})
    nobody = await demo.staff.post(f"/v1/documents/{name}", {"body": {"score": 9}})
    stranger = {"subject": "wallet/018f0000-0000-7000-8000-000000000000", "body": {"score": 9}}
    unknown = await demo.staff.post(f"/v1/documents/{name}", stranger)
    bad = await ask(demo.staff, "/v1/document-kinds/bad", "PUT",
                    {"title": "Bad", "schema": {"type": "strin"}})  # fmt: skip
    field = await demo.staff.get(f"/v1/documents/{name}?field=/score&value=9")

    assert (wrong.status_code, wrong.json()["code"]) == (422, "document_invalid")
    assert wrong.json()["errors"][0]["pointer"] == "/body/score"
    assert (nobody.status_code, nobody.json()["errors"][0]["pointer"]) == (422, "/subject")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "wallet_not_found")
    assert (bad.status_code, bad.json()["code"]) == (422, "document_invalid")
    assert (field.status_code, field.json()["code"]) == (422, "validation")


async def test_another_tenant_finds_neither_kind_nor_document(
    demo: Town, other: Town, alice: Holder
) -> None:
    name = await kind(demo)
    added = await row(demo, name, alice, {"status": "open"})

    for path in (f"/v1/document-kinds/{name}", f"/v1/documents/{name}", added.headers["Location"]):
        assert (await other.staff.get(path)).status_code == 404
    kinds = (await other.staff.get("/v1/document-kinds?limit=200")).json()["items"]
    assert name not in [one["name"] for one in kinds]
