"""The whole while it runs: read models, rebuild, broker, a new tenant, a lost start."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import psycopg
import pytest
from nats.js.api import ConsumerConfig
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mmo.books.verify import INVARIANTS
from mmo.changes.refold import refold_wallets
from mmo.kernel.identifiers import TenantId, mint
from mmo.ledger.verify import verify
from mmo.messaging.broker import READER, login_of
from mmo.messaging.nats import open_client
from mmo.movements.support.commands import CommandRow, Commands, fingerprint_of
from mmo.projections.support.rebuild import rebuild
from mmo.tenancy.tenant import Tenant
from tests.e2e.operator import Operator, open_another
from tests.e2e.town import Town, unique_msisdn
from tests.mmo.projections.folding import differences
from workers.demo.seed import DEMO
from workers.wiring import open_pool


@pytest.fixture
async def pool(stack: Operator) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with open_pool(stack.settings()) as opened:
        yield opened


class Snapshot:
    """Stands for a pool whose one connection sees the database as it was at one moment."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection[Any]]:
        yield self._connection


async def at_rest(stack: Operator) -> list[str]:
    """Compare read models with the books at a moment when the projector has read everything."""
    for _ in range(300):
        async with await AsyncConnection.connect(stack.database.admin) as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor = await connection.execute(
                """SELECT (SELECT max(xid) FROM messaging.event)
                       <= (SELECT xid FROM messaging.cursor WHERE consumer = 'projector')"""
            )
            if await cursor.fetchone() == (True,):
                return await differences(cast("Any", Snapshot(connection)))
        await asyncio.sleep(0.05)
    raise AssertionError("the projector never catches up")


async def test_the_read_models_are_what_ledger_and_events_say(demo: Town, stack: Operator) -> None:
    alice, bob = await demo.customer("100"), await demo.customer("100")
    pairs = [(alice, bob), (bob, alice)] * 25
    await asyncio.gather(*(payer.sends("3", payee) for payer, payee in pairs))
    await alice.sends("1000", bob)

    assert await at_rest(stack) == []


async def test_they_are_rebuilt_while_money_moves_and_nobody_notices(
    demo: Town, stack: Operator, pool: AsyncConnectionPool[Any]
) -> None:
    alice, bob = await demo.customer("100"), await demo.customer()
    ended = asyncio.Event()

    async def moves() -> list[httpx.Response]:
        answers: list[httpx.Response] = []
        while not ended.is_set() or len(answers) < 10:
            answers.append(await alice.sends("0.01", bob))
        return answers

    async def reads() -> set[int]:
        statuses: set[int] = set()
        while not ended.is_set():
            answer = await alice.person.get(f"/v1/wallets/{alice.wallet}/statement")
            statuses.add(answer.status_code)
        return statuses

    async def rebuilds() -> None:
        for _ in range(2):
            for compared in await rebuild(pool, lambda *_: None):
                assert compared.differences == 0, compared
        ended.set()

    moved, statuses, _ = await asyncio.gather(moves(), reads(), rebuilds())

    assert {answer.status_code for answer in moved} == {201}
    assert statuses == {200}
    assert await bob.balance(moved[-1]) == f"{len(moved) / 100:.2f}"
    assert await at_rest(stack) == []


async def test_every_wallet_is_the_fold_of_its_events(
    demo: Town, pool: AsyncConnectionPool[Any]
) -> None:
    await demo.customer()

    refolded = await refold_wallets(pool)

    assert refolded.examples == ()
    assert refolded.rows > 4


async def test_the_books_are_in_order(demo: Town, stack: Operator) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    await alice.sends("1", bob)
    with psycopg.connect(stack.database.dsn("mmo_background"), autocommit=True) as connection:
        wrong = [
            (check.invariant.name, check.rows)
            for check in verify(connection, INVARIANTS)
            if not check.holds
        ]

    assert wrong == []


async def test_each_event_is_in_the_stream_once(demo: Town, stack: Operator, books) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    await asyncio.gather(*(alice.sends("1", bob) for _ in range(20)))
    written = {
        str(row[0])
        for row in books.execute("SELECT id FROM messaging.event WHERE tenant_id = %s", [DEMO.id])
    }
    stored: Counter[str] = Counter()
    client = await open_client(login_of(stack.settings(), READER))
    config = ConsumerConfig(name=f"whole-{uuid.uuid4().hex}")
    reader = await client.jetstream().subscribe("mmo.demo.>", ordered_consumer=True, config=config)
    for _ in range(100_000):
        if written <= stored.keys():
            break
        message = await reader.next_msg(timeout=10)
        told = json.loads(message.data)
        assert message.headers is not None
        assert message.headers["Nats-Msg-Id"] == told["id"]
        stored[told["id"]] += 1
    await client.close()

    assert {stored[one] for one in written} == {1}


async def until(so: Callable[[], Any], within_s: float = 30) -> Any:
    """Ask again until the answer is something."""
    async with asyncio.timeout(within_s):
        while not (found := await so()):  # noqa: ASYNC110 - the answer comes from another process
            await asyncio.sleep(0.2)
    return found


async def test_a_tenant_opened_while_it_runs_is_served_within_seconds_and_apart(
    demo: Town, stack: Operator, http: httpx.AsyncClient
) -> None:
    slug = f"new-{uuid.uuid4().hex[:8]}"
    number = TenantId(1000 + uuid.uuid4().int % 10**6)
    await open_another(
        stack.settings(),
        Tenant(id=number, slug=slug, name="New", timezone="UTC", currencies=("KES",)),
    )
    town = Town(stack, http, slug)
    person = town.somebody()
    body = {"kind": "customer", "msisdn": unique_msisdn(), "currency": "KES", "name": "First"}

    async def opened() -> bool:
        return (await person.post("/v1/wallets", body, key="first")).status_code == 201

    await until(opened, 15)
    alice, bob = await town.customer("100"), await town.customer()
    sent = await alice.sends("40", bob)

    assert sent.status_code == 201, sent.text
    assert await bob.balance(sent) == "40.00"
    hidden = await demo.staff.get(f"/v1/movements/{sent.json()['id']}", after=sent)
    assert hidden.status_code == 404
    with psycopg.connect(stack.database.admin) as connection:
        accounts = connection.execute(
            "SELECT sum(posted), count(*) FROM ledger.balance WHERE tenant_id = %s", [number]
        ).fetchone()
        keys = connection.execute(
            "SELECT count(*) FROM keys.key WHERE tenant_id = %s AND state = 'active'", [number]
        ).fetchone()
    assert accounts is not None
    assert accounts[0] == 0
    assert accounts[1] > 5
    assert keys == (5,)


async def test_a_command_that_was_accepted_and_never_started_is_carried_out(
    demo: Town, pool: AsyncConnectionPool[Any]
) -> None:
    """As a front leaves it that dies between accepting and starting; the real sweeper finds it."""
    alice, bob = await demo.customer("10"), await demo.customer()
    body = {
        "sender": alice.wallet,
        "recipient": bob.wallet,
        "amount": {"value": "4.00", "currency": "KES"},
    }
    row = CommandRow(
        movement_id=mint(),
        tenant_id=DEMO.id,
        type="p2p-transfer",
        body=body,
        note=None,
        actor=alice.person.subject,
        client=f"tests/{alice.person.subject}",
        granted=[],
        summary="P2P transfer KES 4.00",
        accepted_at=datetime.now(UTC) - timedelta(minutes=1),
        state="accepted",
        outcome=None,
        fingerprint=fingerprint_of("p2p-transfer", body, None),
    )
    await Commands(pool).accept(row, uuid.uuid4().hex)

    async def posted() -> bool:
        read = await alice.person.get(f"/v1/movements/{row.movement_id}")
        return read.json()["state"] == "posted" and await bob.balance() == "4.00"

    await until(posted, 20)


async def test_histories_are_kept_and_told_to_the_feed(demo: Town, books) -> None:
    alice, bob = await demo.customer("10"), await demo.customer()
    sent = await alice.sends("1", bob)
    movement = UUID(sent.json()["id"])

    async def kept() -> bool:
        found = books.execute(
            """SELECT 1 FROM histories.history h JOIN messaging.event e
                   ON e.aggregate = 'history' AND e.aggregate_id = h.movement_id
                WHERE h.movement_id = %s""",
            [movement],
        )
        return found.fetchone() is not None

    await until(kept, 20)
