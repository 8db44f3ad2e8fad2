"""A super-tenant's staff open, suspend and resume operators."""

from typing import Any

import psycopg
import pytest

from tests.e2e.opening import WHY, Third, ask, wanted
from tests.e2e.operator import Operator
from tests.e2e.town import Town


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
