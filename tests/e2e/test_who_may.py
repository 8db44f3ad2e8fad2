"""Who may ask for what: tokens, scopes, owners and tenants."""

import json
import time
import uuid

import httpx
import psycopg
import pytest

from api.scopes import scopes
from mmo.keys.ports import Purpose
from tests.e2e.town import CUSTOMER, Person, Town

PATHS = ("/v1/movements", "/v1/wallets/msisdn:+254700000001", f"/v1/movements/{uuid.uuid4()}")


def all_that_is_written(books: psycopg.Connection, subject: str) -> int:
    found = books.execute(
        """SELECT (SELECT count(*) FROM movements.command WHERE actor = %(who)s)
                + (SELECT count(*) FROM messaging.event WHERE actor = %(who)s)""",
        {"who": subject},
    ).fetchone()
    assert found is not None
    return int(found[0])


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def not_genuine(demo: Town, other: Town) -> dict[str, str | None]:
    """Tokens that prove nothing, as the header Authorization would carry them."""
    now = int(time.time())
    claims = demo.claims("mallory", scopes())
    head, body, signature = demo.sign(claims).split(".")
    return {
        "none": None,
        "empty": "Bearer",
        "basic": "Basic bWFsbG9yeTpzZWNyZXQ=",
        "no token at all": "Bearer hello",
        "expired": f"Bearer {demo.sign(claims | {'iat': now - 900, 'exp': now - 10})}",
        "too long-lived": f"Bearer {demo.sign(claims | {'exp': now + 86400})}",
        "another audience": f"Bearer {demo.sign(claims | {'aud': 'temporal'})}",
        "another tenant's name": f"Bearer {demo.sign(claims | {'tenant': 'other'})}",
        "another tenant's issuer": f"Bearer {other.sign(claims | {'tenant': 'demo'})}",
        "a decision's document": f"Bearer {demo.sign(claims, Purpose.DECISION)}",
        "tampered with": f"Bearer {head}.{body[:-2]}AA.{signature}",
        "longer than a header may be": "Bearer " + "A" * 9000,
    }


async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(
    demo: Town, other: Town, http: httpx.AsyncClient
) -> None:
    told: dict[str, str] = {}
    for name, value in not_genuine(demo, other).items():
        for path in PATHS:
            headers = {"Authorization": value} if value else {}
            answer = await http.get(path, headers=headers)
            assert answer.status_code == 401, f"{name}: {answer.text}"
            told[f"{name} {path}"] = answer.text
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    assert len(set(told.values())) == 1
    assert json.loads(told["none /v1/movements"])["code"] == "invalid_token"


@pytest.mark.case("A24")
async def test_a_token_in_the_address_is_no_token(demo: Town, http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/movements", params={"access_token": demo.staff.token})

    assert refused(answer) == (401, "invalid_token")


async def test_every_scope_is_needed_for_its_route(demo: Town) -> None:
    everything = set(scopes())
    wallet, movement = (await demo.customer()).wallet, uuid.uuid4()
    routes = {
        "movements:read": ("GET", f"/v1/movements/{movement}"),
        "wallets:read": ("GET", f"/v1/wallets/{wallet}/balance"),
        "wallets:write": ("POST", f"/v1/wallets/{wallet}/freeze"),
        "emoney:release": ("POST", f"/v1/movements/{movement}/release"),
        "emoney:settle": ("POST", f"/v1/movements/{movement}/bank-answer"),
    }
    for scope, (method, path) in routes.items():
        person = demo.somebody(everything - {scope})
        answer = await (person.get(path) if method == "GET" else person.post(path))
        assert refused(answer) == (403, "insufficient_scope"), scope


@pytest.mark.parametrize(
    ("kind", "payer", "payee"),
    [
        ("p2p-transfer", "sender", "recipient"),
        ("cash-out", "customer", "agent"),
        ("cash-in", "agent", "customer"),
        ("float-top-up", "payer", "payee"),
    ],
)
async def test_a_movement_is_asked_for_with_its_own_scope(demo: Town, kind, payer, payee) -> None:
    person = demo.somebody(set(scopes()) - {f"movements:{kind}"})

    answer = await person.move(kind, "1", **{payer: str(uuid.uuid4()), payee: str(uuid.uuid4())})

    assert refused(answer) == (403, "insufficient_scope")


async def test_nobody_spends_from_a_wallet_of_somebody_else(demo: Town, books) -> None:
    alice, bob = await demo.customer("10"), await demo.customer("10")
    before = all_that_is_written(books, alice.person.subject)

    for sender in (bob.wallet, bob.alias):
        answer = await alice.person.sends("1", sender, alice.wallet)
        assert refused(answer) == (403, "not_your_wallet")

    assert all_that_is_written(books, alice.person.subject) == before == 0
    assert await bob.balance() == "10.00"


async def test_staff_act_for_others_and_are_named_as_who_asked(demo: Town, books) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()

    sent = await demo.staff.sends("1", alice.wallet, bob.wallet)

    assert sent.status_code == 201
    assert all_that_is_written(books, demo.staff.subject) > 0
    asker = books.execute(
        "SELECT actor FROM movements.command WHERE movement_id = %s", [sent.json()["id"]]
    ).fetchone()
    assert asker == (demo.staff.subject,)


async def test_who_may_act_for_others_in_one_movement_may_not_in_another(demo: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    granted = CUSTOMER | {"movements:cash-out:on-behalf"}

    answer = await demo.somebody(granted).sends("1", alice.wallet, bob.wallet)

    assert refused(answer) == (403, "not_your_wallet")


@pytest.mark.case("C1")
async def test_one_customer_sees_nothing_of_another_and_staff_do(demo: Town) -> None:
    alice, bob, carol = await demo.customer("10"), await demo.customer(), await demo.customer()
    sent = await alice.sends("1", bob)
    movement = sent.json()["id"]
    paths = [
        f"/v1/wallets/{alice.wallet}",
        f"/v1/wallets/{alice.alias}",
        f"/v1/wallets/{alice.wallet}/balance",
        f"/v1/wallets/{alice.wallet}/statement",
        f"/v1/movements?wallet={alice.wallet}",
        f"/v1/movements/{movement}",
        f"/v1/movements/{movement}/timeline",
    ]
    for path in paths:
        assert (await carol.person.get(path, after=sent)).status_code == 404, path
        assert (await demo.staff.get(path, after=sent)).status_code == 200, path
        assert (await alice.person.get(path, after=sent)).status_code == 200, path
    assert (await bob.person.get(paths[-1], after=sent)).status_code == 200, "he takes part"
    nothing = await demo.staff.get(f"/v1/wallets/{uuid.uuid4()}/balance")
    hidden = await carol.person.get(f"/v1/wallets/{alice.wallet}/balance")
    assert hidden.text == nothing.text, "not even whether it exists"
    listed = (await carol.person.get("/v1/movements", after=sent)).json()["items"]
    assert movement not in {one["id"] for one in listed}


@pytest.mark.case("C4")
@pytest.mark.case("C1")
async def test_another_tenant_is_not_there_at_all(demo: Town, other: Town) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    sent = await alice.sends("1", bob)
    carol = await other.customer("10")
    for path in (
        f"/v1/wallets/{alice.wallet}",
        f"/v1/wallets/{alice.wallet}/balance",
        f"/v1/movements/{sent.json()['id']}",
        f"/v1/movements?wallet={alice.wallet}",
    ):
        assert (await other.staff.get(path, after=sent)).status_code == 404, path
    for path in ("freeze", "unfreeze", "close"):
        changed = await other.staff.post(f"/v1/wallets/{alice.wallet}/{path}")
        assert refused(changed) == (404, "wallet_not_found")
    across = await carol.sends("1", alice)
    assert refused(across) == (422, "wallet_not_found")
    path = f"/v1/movements/{sent.json()['id']}/release"
    decided = await other.staff.post(path, {"answer": "release"})
    assert refused(decided) == (404, "movement_not_found")


@pytest.mark.case("C5")
async def test_one_number_may_have_a_wallet_in_each_tenant(demo: Town, other: Town) -> None:
    alice = await demo.customer()
    body = {
        "kind": "customer",
        "msisdn": alice.alias.removeprefix("msisdn:"),
        "currency": "KES",
        "name": "Alice",
    }

    assert (await other.somebody().post("/v1/wallets", body)).status_code == 201


class TestWallets:
    async def test_a_customer_opens_a_wallet_of_their_own_and_no_other(self, demo: Town) -> None:
        person = demo.somebody()
        body = {"kind": "customer", "currency": "KES", "name": "Ada Lovelace"}

        opened = await person.post("/v1/wallets", {**body, "msisdn": _number()})
        as_agent = await person.post("/v1/wallets", {**body, "msisdn": _number(), "kind": "agent"})
        for_bob = await person.post("/v1/wallets", {**body, "msisdn": _number(), "owner": "bob"})

        assert (opened.status_code, opened.json()["owner"]) == (201, person.subject)
        assert refused(as_agent) == refused(for_bob) == (403, "insufficient_scope")

    async def test_its_owner_may_freeze_it_and_only_staff_unfreeze_it(self, demo: Town) -> None:
        alice, eve = await demo.customer(), demo.somebody()
        path = f"/v1/wallets/{alice.wallet}"

        assert refused(await eve.post(f"{path}/freeze")) == (404, "wallet_not_found")
        assert (await alice.person.post(f"{path}/freeze")).json()["state"] == "frozen"
        said = await alice.person.post(f"{path}/unfreeze")
        assert refused(said) == (403, "insufficient_scope")
        assert (await demo.staff.post(f"{path}/unfreeze")).json()["state"] == "active"

    async def test_as_it_was_before_it_was_frozen(self, demo: Town) -> None:
        alice = await demo.customer()
        path = f"/v1/wallets/{alice.wallet}"
        opened = (await alice.person.get(path)).json()
        frozen = (await alice.person.post(f"{path}/freeze")).json()

        async def then(moment: str) -> httpx.Response:
            return await alice.person.http.get(
                path,
                params={"as_of": moment},
                headers={"Authorization": f"Bearer {alice.person.token}"},
            )

        assert (await then(opened["changed_at"])).json() == opened
        assert (await then(frozen["changed_at"])).json() == frozen
        assert refused(await then("2020-01-01T00:00:00Z")) == (404, "wallet_not_found")


def _number() -> str:
    return "+254722" + str(uuid.uuid4().int)[:6]


@pytest.mark.case("I3")
async def test_a_decision_signed_for_another_movement_decides_nothing(demo: Town) -> None:
    """The route signs what it sends, so a token's owner cannot bring a document along."""
    maker = demo.somebody(set(scopes()) - {"emoney:release"})
    receiver = await demo.wallet(demo.somebody(), "super_agent")
    asked = await maker.move(
        "emoney-issuance", "5", recipient=receiver.wallet, bank_reference="FT 9"
    )
    path = f"/v1/movements/{asked.json()['id']}/release"
    checker = demo.somebody({"emoney:release"})

    forged = Person(checker.http, "x", demo.sign(demo.claims("x", scopes()), Purpose.DECISION))
    wrong = await checker.post(path, {"answer": "release", "document": "abc"})
    other = await checker.post(f"/v1/movements/{asked.json()['id']}/bank-answer")

    assert refused(await forged.post(path)) == (401, "invalid_token")
    assert refused(wrong) == (422, "validation")
    assert other.status_code in {403, 409}
    assert (await checker.post(path, {"answer": "release"})).status_code == 201
