"""Whose name, number, words and PIN a customer trusts us with stand in clear where they belong."""

import asyncio
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from temporalio.api.history.v1 import History

from mmo.histories.postgres import Kept
from tests.e2e.operator import Operator
from tests.e2e.town import Holder, Person, Town, amount, unique_msisdn
from workers.demo.seed import DEMO
from workers.wiring import TenantClients

pytestmark = pytest.mark.case("D8")

HISTORY_S = 20.0
BELONGS = {"note": {"movements.command"}}
"""What may stand in clear, and where: the parties' note is shown to both."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """Texts that stand nowhere else."""

    name: str
    number: str
    note: str
    pin: str
    wrong_pin: str
    bank_reference: str

    def found_in(self, text: bytes) -> set[str]:
        return {name for name in self.__slots__ if getattr(self, name).encode() in text}


@pytest.fixture
def canaries() -> Canaries:
    word = secrets.token_hex
    pins = [f"{secrets.randbelow(90_000_000) + 10_000_000}" for _ in range(2)]
    return Canaries(
        name=f"Name {word(8)}", number=unique_msisdn(), note=f"note {word(8)}",
        pin=pins[0], wrong_pin=pins[1], bank_reference=f"bank {word(8)}",
    )  # fmt: skip


def in_tables(books: psycopg.Connection[Any], canaries: Canaries) -> dict[str, set[str]]:
    """Canary → the tables that it stands in, whatever the column."""
    tables = books.execute(
        """SELECT table_schema || '.' || table_name FROM information_schema.tables
            WHERE table_type = 'BASE TABLE'
              AND table_schema NOT IN ('pg_catalog', 'information_schema', 'projections_shadow')"""
    ).fetchall()  # a shadow comes and goes with another test's rebuild, and is what projections are
    found: dict[str, set[str]] = {}
    for (table,) in tables:
        for name in canaries.__slots__:
            query = f"SELECT EXISTS (SELECT FROM {table} t WHERE strpos(t::text, %s) > 0)"
            row = books.execute(query.encode(), [getattr(canaries, name)]).fetchone()
            if row and row[0]:
                found.setdefault(name, set()).add(table)
    return found


def in_logs(stack: Operator, canaries: Canaries) -> set[str]:
    return set().union(*(canaries.found_in(log.read_bytes()) for log in stack.logs))


async def raw_history(stack: Operator, kind: str, movement: str) -> bytes:
    """A movement's history as Temporal keeps it."""
    client = await TenantClients(stack.temporal, None)(DEMO)
    handle = client.get_workflow_handle(f"{DEMO.slug}/{kind}/{movement}")
    return History(events=(await handle.fetch_history()).events).SerializeToString()


async def archived(books: psycopg.Connection[Any], movement: str) -> bytes:
    """The same as the archive keeps it."""
    deadline = asyncio.get_running_loop().time() + HISTORY_S
    while asyncio.get_running_loop().time() < deadline:
        row = books.execute(
            """SELECT workflow_id, content, sha256 FROM histories.history
                WHERE tenant_id = %s AND movement_id = %s""",
            [DEMO.id, movement],
        ).fetchone()
        if row is not None:
            kept = Kept(tenant_id=DEMO.id, movement_id=uuid.UUID(movement), workflow_id=row[0],
                        content=row[1], sha256=row[2])  # fmt: skip
            return History(events=kept.history().events).SerializeToString()
        await asyncio.sleep(0.2)
    raise AssertionError("the history was not kept")


async def opened(demo: Town, canaries: Canaries) -> Holder:
    """A customer with the canaries' name, number and PIN."""
    person = demo.somebody()
    body = {"kind": "customer", "msisdn": canaries.number, "currency": "KES",
            "name": canaries.name, "owner": person.subject}  # fmt: skip
    made = await demo.staff.post("/v1/wallets", body)
    assert made.status_code == 201, made.text
    assert made.json()["name"] == canaries.name
    assert made.json()["alias"] == f"msisdn:{canaries.number}"
    holder = Holder(person, made.json()["id"], made.json()["alias"])
    assert (await put_pin(holder, pin=canaries.pin)).status_code == 204
    return holder


async def put_pin(holder: Holder, **body: str) -> httpx.Response:
    person: Person = holder.person
    headers = {"Authorization": f"Bearer {person.token}"}
    return await person.http.put(f"/v1/wallets/{holder.wallet}/pin", json=body, headers=headers)


async def errors_about(demo: Town, holder: Holder, canaries: Canaries) -> list[httpx.Response]:
    """Every way to be refused with a canary in the request."""
    taken = {"kind": "customer", "msisdn": canaries.number, "currency": "KES",
             "name": canaries.name}  # fmt: skip
    proof = {"wallet": holder.wallet, "pin": canaries.wrong_pin, "request": "0" * 64}
    sent = {"sender": holder.wallet, "recipient": holder.alias, "amount": amount("1"),
            "note": canaries.note}  # fmt: skip
    asked = holder.person
    return [
        await demo.staff.post("/v1/wallets", taken),
        await demo.staff.post("/v1/wallets", {**taken, "name": canaries.name + "\u2066"}),
        await demo.staff.post("/v1/wallets", {**taken, "pin": canaries.pin}),
        await asked.post("/v1/pin/verifications", proof),
        await asked.post("/v1/pin/verifications", {**proof, "wallet": holder.alias}),
        await put_pin(holder, pin=canaries.wrong_pin, current=canaries.wrong_pin),
        await asked.post("/v1/movements/p2p-transfer", sent, key=uuid.uuid4().hex),
        await asked.post("/v1/movements/p2p-transfer", {**sent, "pin": canaries.pin},
                         key=uuid.uuid4().hex),
        await demo.somebody().get(f"/v1/wallets/{holder.alias}"),
    ]  # fmt: skip


async def test_nothing_of_a_customer_stands_in_clear_where_it_does_not_belong(
    demo: Town, stack: Operator, books: psycopg.Connection[Any], canaries: Canaries
) -> None:
    holder, bob = await opened(demo, canaries), await demo.customer()
    super_agent = await demo.funded("super_agent", "1")
    issued = await demo.staff.move(
        "emoney-issuance", "5", recipient=super_agent.wallet,
        bank_reference=canaries.bank_reference,
    )  # fmt: skip
    till = await demo.funded("agent", "100")
    paid = await demo.staff.move("cash-in", "50", agent=till.wallet, customer=holder.alias)
    assert paid.status_code == 201, paid.text
    body = {"sender": holder.alias, "recipient": bob.wallet, "amount": amount("2"),
            "note": canaries.note}  # fmt: skip
    sent = await holder.person.post("/v1/movements/p2p-transfer", body, key=uuid.uuid4().hex)
    assert sent.status_code == 201, sent.text
    refused = await errors_about(demo, holder, canaries)
    assert {answer.status_code for answer in refused} <= {403, 404, 409, 422}

    for answer in refused:
        assert canaries.found_in(answer.content) == set(), answer.request.url.path
    for kind, answer in (
        ("emoney-issuance", issued), ("cash-in", paid), ("p2p-transfer", sent),
    ):  # fmt: skip
        movement = answer.json()["id"]
        assert canaries.found_in(await raw_history(stack, kind, movement)) == set()
        if answer.json()["state"] == "posted":
            assert canaries.found_in(await archived(books, movement)) == set()
    assert in_logs(stack, canaries) == set()
    found = in_tables(books, canaries)
    assert found.pop("bank_reference") == {"movements.command"}, "the statement is matched by it"
    assert found == BELONGS


async def test_each_scan_finds_what_was_written_in_clear(
    stack: Operator, books: psycopg.Connection[Any], canaries: Canaries, tmp_path: Path
) -> None:
    """A scan that finds nothing proves something only when it would find it."""
    client = await TenantClients(stack.temporal, None)(DEMO)
    identifier = f"{DEMO.slug}/canary/{secrets.token_hex(8)}"
    handle = await client.start_workflow(
        "Nobody", canaries.number, id=identifier, task_queue="nobody",
        execution_timeout=timedelta(minutes=1),
    )  # fmt: skip
    history = History(events=(await handle.fetch_history()).events).SerializeToString()
    await handle.terminate()
    assert canaries.found_in(history) == {"number"}

    with books.transaction(force_rollback=True):
        books.execute(
            """INSERT INTO audit.record (tenant_id, id, actor, client, action, object, outcome)
               VALUES (%s, gen_random_uuid(), %s, 'tests', 'wallet.open', 'wallet', 'done')""",
            [DEMO.id, f"someone called {canaries.name}"],
        )
        assert in_tables(books, canaries) == {"name": {"audit.record"}}

    log = tmp_path / "front.log"
    log.write_text(f'{{"event": "pin.wrong", "pin": "{canaries.pin}"}}\n')
    assert canaries.found_in(log.read_bytes()) == {"pin"}
