"""Customers log in by number and PIN, through a channel that the operator owns."""

from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from mmo.changes.wallets import Changed, NewWallet, WalletChanges
from mmo.identity import clients
from mmo.identity.clients import PIN as PIN_GRANT
from mmo.identity.clients import REFRESH
from mmo.kernel.envelope import Actor
from mmo.wallets.personal import PersonalData
from tests.api.authorization.conftest import SECRET, Asked
from tests.mmo.identity.registry import DEMO

PIN, NUMBER = "4071", "+254700000001"
ALICE = UUID("0190f3c0-0000-7000-8000-0000000000a1")


@pytest.fixture(autouse=True)
async def app(asked: Asked) -> None:
    """The operator's app and a partner's program, and Alice with a PIN."""
    async with asked.registry.scoped() as connection:
        for name, trusted in (("app", True), ("partner", False)):
            await clients.create(
                connection, 1, name, name=name, kind="confidential", created_by="test",
                grants=[PIN_GRANT, REFRESH], scopes=["movements:read", "movements:p2p-transfer"],
                trusted_channel=trusted, secret=SECRET,
            )  # fmt: skip
    personal = PersonalData(asked.registry.keys, asked.parts.envelope)
    await _open(asked, personal)
    await asked.registry.vault.set_first(DEMO, ALICE, PIN, NUMBER)


async def _open(asked: Asked, personal: PersonalData) -> None:
    with psycopg.connect(asked.registry.database.admin, autocommit=True) as connection:
        connection.execute("SELECT ledger.open_tenant(1)")
    person = await personal.seal("demo", ALICE, NUMBER, "Alice")
    new = NewWallet(kind="customer", currency="KES", person=person, owner="alice")
    opened = await WalletChanges(asked.registry.pool, lambda: None).open(
        1, ALICE, new, Actor(subject="test", client="test")
    )
    assert isinstance(opened, Changed)


async def log_in(asked: Asked, pin: str = PIN, **other: str) -> httpx.Response:
    fields = {"grant_type": PIN_GRANT, "client_id": "app", "client_secret": SECRET,
              "msisdn": NUMBER, "pin": pin, "device": "d-1"}  # fmt: skip
    return await asked.token(**(fields | other))


async def test_alice_gets_a_token_of_her_own(asked: Asked) -> None:
    answer = await log_in(asked)

    claims = asked.claims(answer)
    assert (claims["sub"], claims["roles"], claims["amr"]) == ("alice", ["customer"], ["pin"])
    assert claims["attributes"]["channel"] == "app"
    assert "movements:p2p-transfer" in claims["scope"]
    assert NUMBER not in str(claims)
    assert "__Host-mmo_rt_demo" in answer.headers["set-cookie"]


@pytest.mark.case("D13")
async def test_a_channel_that_is_not_the_operators_own_sends_no_pins(asked: Asked) -> None:
    answer = await log_in(asked, client_id="partner")

    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.case("B13")
async def test_unknown_number_wrong_pin_and_locked_are_one_answer(asked: Asked) -> None:
    unknown = await log_in(asked, msisdn="+254799999999")
    wrong = [await log_in(asked, "9182") for _ in range(5)]
    locked = await log_in(asked)

    assert {(one.status_code, one.text) for one in (unknown, *wrong, locked)} == {
        (400, '{"error":"invalid_grant"}')
    }


@pytest.mark.case("B13")
async def test_a_number_that_is_not_there_costs_the_same_statements(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[str] = []
    plain = psycopg.AsyncCursor.execute

    async def noting(cursor: Any, query: Any, *more: Any, **other: Any) -> Any:
        run.append(str(query).split("\n")[0])
        return await plain(cursor, query, *more, **other)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noting)

    async def statements(**about: str) -> list[str]:
        run.clear()
        assert (await log_in(asked, **about)).status_code == 400
        return list(run)

    await statements(msisdn="+254799999998")  # what is kept in memory is there now
    assert await statements(pin="9182") == await statements(msisdn="+254799999999")
