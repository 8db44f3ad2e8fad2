"""A super-tenant's staff read everything with a reason, change nothing, and open tenants."""

import re
import secrets
from collections.abc import Mapping

import psycopg
import pytest
import pytest_asyncio

from tests.e2e.contract import contract
from tests.e2e.opening import WHY, ask
from tests.e2e.town import Holder, Town, unique_msisdn

OPEN_S = 60.0
OWN = re.compile(r"^/(healthz|readyz|metrics)$|^/v1/(super|tenants|tenant-groups)\b")
"""What is no tenant's: without X-Tenant."""
LEFT_OUT = re.compile(
    r"^/v1/(approvals|tasks|notifications|changes|bep/backtests|bep/missing)\b|/flags$"
    r"|^/v1/parties/\{party\}/documents"
    r"|^/v1/(books/days/\{day\}|books/reconciliations|trust/certificates|vouchers|figures/stream)"
    r"|^/v1/suspensions/\{term\}|/wallets/\{wallet\}/(qr$|statement\.)"
)
"""What is somebody's own: an inbox, what they asked for; flags, seen by who sets them; and files
of KYC, which no super-tenant sees. And what there is none of here: a closed day, a reconciliation,
a voucher, a suspension, a merchant's code, a span; and a stream, which has no end."""


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
    more = await _made(demo)
    values = more | {
        "{wallet}": paid[0].wallet, "{movement_id}": paid[1], "{user}": user.get("id", ""),
        "{role}": "1", "{client}": "tests", "{code}": listed[1],
        "{tenant}": "demo", "{group}": group["id"],
    }  # fmt: skip
    found: dict[str, str] = {}
    for path, operations in contract()["paths"].items():
        if "get" in operations and not LEFT_OUT.search(path):
            named = values | {
                "{name}": more["{kind}"] if "document" in path else listed[0],
                "{term}": more["{tariff}" if "tariffs" in path else "{profile}"],
            }
            found[path] = re.sub(r"\{\w+\}", lambda name, named=named: named[name[0]], path)
    return found


async def _made(demo: Town) -> dict[str, str]:
    """Things of demo's that routes name: a product, a document of a kind, a rule, an endpoint."""
    number, kind = 1000 + secrets.randbelow(10**8), f"kind-{secrets.token_hex(4)}"
    added = await demo.staff.post(
        "/v1/products", {"id": number, "kind": "customer", "name": f"product {number}"}
    )
    await ask(demo.staff, f"/v1/document-kinds/{kind}", "PUT", {"title": "A kind"})
    document = await demo.staff.post(f"/v1/documents/{kind}", {"body": {"a": "b"}})
    rule = await demo.staff.post("/bep/expression", {
        "entity": "wallet", "event": "transfer", "productId": number, "state": "shadow",
        "data": {"expression": "event.amount.minor < 1"},
    })  # fmt: skip
    endpoint = await demo.staff.post("/v1/webhooks", {"url": "http://127.0.0.1:9/hook"})
    person = {"name": "Amina", "msisdn": unique_msisdn()}
    party = await demo.staff.post("/v1/parties", {"kind": "subscriber", "person": person})
    office = await demo.staff.post("/v1/offices", {"name": "Kisumu"})
    tariff = await demo.staff.post("/v1/tariffs", {
        "movement": "p2p-transfer", "currency": "KES", "product": number, "title": "Free",
        "content": {"currency": "KES"},
    })  # fmt: skip
    profile = await demo.staff.post("/v1/limit-profiles", {
        "wallet_kind": "merchant", "tier": 3, "currency": "KES", "product": number,
        "title": "Free", "content": {"currency": "KES"},
    })  # fmt: skip
    for answer in (added, document, rule, endpoint, party, office, tariff, profile):
        assert answer.status_code == 201, answer.text
    return {
        "{number}": str(number), "{kind}": kind, "{document}": document.json()["id"],
        "{processor}": "expression", "{rule}": rule.json()["id"],
        "{endpoint}": endpoint.json()["id"], "{party}": party.json()["id"],
        "{office}": office.json()["id"], "{tariff}": tariff.json()["id"],
        "{profile}": profile.json()["id"],
    }  # fmt: skip


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
    first = (await ask(above.staff, f"{path}?limit=3", X_Reason=WHY)).json()
    second = (await ask(above.staff, f"{path}?limit=3&cursor={first['next']}", X_Reason=WHY)).json()
    whole = (await ask(above.staff, f"{path}?limit=100", X_Reason=WHY)).json()

    paged = [one["id"] for one in first["items"] + second["items"]]
    known = [one["id"] for one in whole["items"]]
    begins = known.index(paged[0])  # others may have moved money in the meantime
    assert paged == known[begins : begins + 6]
