"""Two operators in one process: whose token it is decides what there is, down to the statements."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio

from mmo.keys.ports import Purpose
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from tests.e2e.operator import open_client
from tests.e2e.town import Holder, Person, Town
from tests.security.two_tenants import A, B
from tests.servers.hsm import waited
from tests.servers.postgres import PostgresServer
from tests.servers.temporal import TemporalServer
from workers.demo.people import SUPER
from workers.serving import serve
from workers.stack.processes import free_port
from workers.tenants import open_tenant
from workers.wiring import connect, development_keys

WHY = "complaint 4711 of a customer"
KNOWN_ANYWAY = (
    "FROM tenancy.tenant ORDER BY id",
    "FROM identity.policy p",
    "LISTEN",
    "audit.record",
)
"""Statements that each process makes now and then, whoever asks for what."""


class Signing:
    """Signs the tests' tokens with the development keys of this process."""

    def __init__(self, settings: Settings) -> None:
        self._keys = development_keys(settings)

    def sign(self, tenant: str, purpose: Purpose, claims: Any) -> str:
        return waited(self._keys.sign(tenant, purpose, claims))


@pytest_asyncio.fixture(scope="module")
async def settings(
    postgres_server: PostgresServer,
    temporal_server: TemporalServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Settings]:
    database, home = postgres_server.create(), Path(tmp_path_factory.mktemp("operator"))
    about: dict[str, Any] = {
        "temporal_address": temporal_server.address, "env": "dev", "home": home,
        "listen_port": free_port(),
    }  # fmt: skip
    opening = database.settings("mmo_background", **about)
    service = await connect(opening.temporal_address)
    for tenant in (A, B, SUPER):
        async with await psycopg.AsyncConnection.connect(
            opening.dsn(), autocommit=True
        ) as connection:
            await open_tenant(opening, connection, service, tenant)
        await open_client(opening, tenant.id)
    front, stop = database.settings("mmo_front", **about), asyncio.Event()
    serving = asyncio.ensure_future(serve(front, stop, works=True))
    yield front
    stop.set()
    await serving
    postgres_server.drop(database)


@pytest_asyncio.fixture(scope="module")
async def http(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    at = f"http://127.0.0.1:{settings.listen_port}"
    async with httpx.AsyncClient(base_url=at, timeout=30) as client:
        for _ in range(200):
            try:
                await client.get("/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
        yield client


def town(settings: Settings, http: httpx.AsyncClient, tenant: Tenant) -> Town:
    return Town(SimpleNamespace(signer=Signing(settings)), http, tenant.slug)


@pytest_asyncio.fixture(scope="module")
async def a(settings: Settings, http: httpx.AsyncClient) -> Town:
    return town(settings, http, A)


@pytest_asyncio.fixture(scope="module")
async def b(settings: Settings, http: httpx.AsyncClient) -> Town:
    return town(settings, http, B)


@pytest_asyncio.fixture(scope="module")
async def above(settings: Settings, http: httpx.AsyncClient) -> Town:
    return town(settings, http, SUPER)


@pytest_asyncio.fixture(scope="module")
async def theirs(b: Town) -> tuple[Holder, str, str]:
    """A wallet of B's, a movement of B's that waits, and a code list of B's."""
    wallet = await b.wallet(b.staff, "super_agent")
    patient = b.somebody({"movements:emoney-issuance", "movements:emoney-issuance:on-behalf"})
    asked = await patient.move(
        "emoney-issuance", "10", recipient=wallet.wallet, bank_reference="B 1",
        headers={"Prefer": "wait=10"},
    )  # fmt: skip
    assert asked.status_code in {201, 202}, asked.text
    name = f"l-{secrets.token_hex(4)}"
    put = await b.staff.http.put(
        f"/v1/code-lists/{name}/values/x", json={"label": "X"},
        headers={"Authorization": f"Bearer {b.staff.token}"},
    )  # fmt: skip
    assert put.status_code == 200, put.text
    return wallet, asked.json()["id"], name


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """Every statement that the process makes meanwhile: the database user, and its text."""
    made: list[tuple[str, str]] = []
    plain = psycopg.AsyncCursor.execute

    async def execute(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        new_connection = "statement_timeout" in text  # the pool may open one at any moment
        if not new_connection and not any(known in text for known in KNOWN_ANYWAY):
            made.append((self.connection.info.user, " ".join(text.split())))
        return await plain(self, query, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.AsyncCursor, "execute", execute)
        yield made


async def get(person: Person, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await person.http.get(path, headers={"Authorization": f"Bearer {person.token}"} | named)


@pytest.mark.case("C1")
async def test_what_is_another_tenants_is_not_there_down_to_the_statements(
    a: Town, theirs: tuple[Holder, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet, movement, name = theirs
    nobody = "018f0000-0000-7000-8000-00000000dead"
    pairs = {
        f"/v1/wallets/{wallet.wallet}": f"/v1/wallets/{nobody}",
        f"/v1/wallets/{wallet.wallet}/balance": f"/v1/wallets/{nobody}/balance",
        f"/v1/wallets/{wallet.wallet}/statement": f"/v1/wallets/{nobody}/statement",
        f"/v1/movements/{movement}": f"/v1/movements/{nobody}",
        f"/v1/movements/{movement}/timeline": f"/v1/movements/{nobody}/timeline",
        f"/v1/code-lists/{name}/values": "/v1/code-lists/no-such-list/values",
        f"/v1/code-lists/{name}/values/x": "/v1/code-lists/no-such-list/values/x",
        f"/v1/movements?wallet={wallet.wallet}": f"/v1/movements?wallet={nobody}",
    }
    for there, nowhere in pairs.items():
        await get(a.staff, nowhere)  # connections are made, and their first words said
        with statements(monkeypatch) as of_theirs:
            first = await get(a.staff, there)
        with statements(monkeypatch) as of_nobodys:
            second = await get(a.staff, nowhere)
        assert first.status_code == 404, (there, first.text)
        assert first.json() == second.json()
        assert first.headers.keys() == second.headers.keys()
        assert of_theirs == of_nobodys, there
        assert of_theirs, "the statements are seen"


@pytest.mark.case("C1")
async def test_their_own_staff_read_it(b: Town, theirs: tuple[Holder, str, str]) -> None:
    wallet, movement, name = theirs
    for path in (f"/v1/wallets/{wallet.wallet}", f"/v1/movements/{movement}",
                 f"/v1/code-lists/{name}/values/x"):  # fmt: skip
        assert (await get(b.staff, path)).status_code == 200


@pytest.mark.case("C2")
async def test_naming_another_tenant_helps_nobody(a: Town, theirs: tuple[Holder, str, str]) -> None:
    wallet, movement, _ = theirs
    for path in (f"/v1/wallets/{wallet.wallet}", f"/v1/movements/{movement}", "/v1/movements"):
        named = await get(a.staff, path, X_Tenant=B.slug, X_Reason=WHY)
        assert (named.status_code, named.json()["code"]) == (404, "not_found")
    for query in ("tenant_id=2", "tenant=demo2"):
        assert (await get(a.staff, f"/v1/movements?{query}")).status_code == 422
    assert (await get(a.staff, "/v1/movements?limit=1&limit=2")).status_code == 400
    twice = await a.staff.http.get("/v1/movements", headers=[
        ("Authorization", f"Bearer {a.staff.token}"), ("X-Tenant", A.slug), ("X-Tenant", B.slug),
    ])  # fmt: skip
    assert twice.status_code == 400


@pytest.mark.case("C3")
async def test_a_tenant_in_the_body_is_no_known_field(a: Town) -> None:
    wallet = {"kind": "customer", "msisdn": "+254700123456", "currency": "KES", "name": "A"}
    value = {"label": "X", "tenant_id": 2}
    put = await a.staff.http.put("/v1/code-lists/l-own/values/x", json=value,
                           headers={"Authorization": f"Bearer {a.staff.token}"})  # fmt: skip
    assert put.status_code == 422
    for extra in ({"tenant_id": 2}, {"tenant": B.slug}):
        assert (await a.staff.post("/v1/wallets", wallet | extra)).status_code == 422


@pytest.mark.case("C20")
@pytest.mark.parametrize("extra", [
    {"state": "active"}, {"balance": "100"}, {"accounts": {}}, {"version": 9}, {"id": "x"},
])  # fmt: skip
async def test_nobody_sets_what_is_not_theirs_to_set(a: Town, extra: dict[str, Any]) -> None:
    wallet = {"kind": "customer", "msisdn": "+254700123456", "currency": "KES", "name": "A"}
    assert (await a.staff.post("/v1/wallets", wallet | extra)).status_code == 422


@pytest.mark.case("C4")
@pytest.mark.case("C16")
async def test_money_does_not_go_to_another_tenants_wallet(
    a: Town, b: Town, theirs: tuple[Holder, str, str]
) -> None:
    alice, bob = await a.wallet(a.somebody()), await b.wallet(b.somebody())
    nobody = "018f0000-0000-7000-8000-00000000dead"
    there = await alice.person.sends("1", alice.wallet, bob.wallet)
    nowhere = await alice.person.sends("1", alice.wallet, nobody)

    assert there.status_code == 422
    assert {**there.json(), "detail": ""} == {**nowhere.json(), "detail": ""}


@pytest.mark.case("C17")
async def test_another_tenants_waiting_movement_takes_no_answer(
    a: Town, theirs: tuple[Holder, str, str]
) -> None:
    _, movement, _ = theirs
    for answer in ("release", "settle"):
        given = await a.staff.post(f"/v1/movements/{movement}/{answer}", {"answer": "release"})
        assert given.status_code == 404


@pytest.mark.case("C8")
async def test_a_visitor_reads_by_the_super_tenants_own_database_user(
    above: Town, theirs: tuple[Holder, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet, movement, name = theirs
    for path in (f"/v1/wallets/{wallet.wallet}", f"/v1/wallets/{wallet.wallet}/balance",
                 f"/v1/movements/{movement}", f"/v1/movements/{movement}/timeline",
                 "/v1/movements", f"/v1/code-lists/{name}/values",
                 "/v1/identity/clients"):  # fmt: skip
        with statements(monkeypatch) as made:
            seen = await get(above.staff, path, X_Tenant=B.slug, X_Reason=WHY)
        assert seen.status_code == 200, (path, seen.text)
        of_tenants = [(user, text) for user, text in made if " FROM " in text.upper()
                      and "messaging.cursor" not in text]  # fmt: skip
        assert of_tenants, path
        assert {user for user, _ in of_tenants} == {"mmo_super"}, of_tenants
