"""The front dies at every point of a movement; another takes over, with one outcome for all."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
import pytest_asyncio

from mmo.books.verify import INVARIANTS
from mmo.histories.history import closed
from mmo.kernel.identifiers import TenantId
from mmo.keys.envelope import Envelope
from mmo.ledger.verify import verify
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from tests.faults.front_that_dies import DEAD, POINTS
from tests.servers.hsm import keys_of, waited
from tests.servers.nats import NatsServer
from tests.servers.postgres import Database, PostgresServer
from tests.servers.shared import start_server
from tests.servers.temporal import TemporalServer
from tests.tokens import signed_for
from workers.demo.seed import seed
from workers.replaying import Histories, replayer
from workers.stack.launch import Launch
from workers.stack.processes import born, end, free_port
from workers.wiring import TenantClients, open_pool

pytestmark = pytest.mark.stack

TENANT = Tenant(
    id=TenantId(1), slug="dying", name="Dying", timezone="Africa/Nairobi", currencies=("KES",)
)
SUPER_AGENT, AGENT = "msisdn:+254700000100", "msisdn:+254700000010"
ALICE, BOB = "msisdn:+254700000001", "msisdn:+254700000002"
FINAL = (201, 422)
ANSWER_S = 60.0


@dataclass(slots=True)
class Front:
    """One process of the operator, and how it is asked."""

    settings: Settings
    database: Database
    folder: Path

    async def runs(self, *words: str) -> tuple[Any, str]:
        """Start the program; answer with the process and its address, once it is ready."""
        port, name = free_port(), words[-1]
        ready = self.folder / f"{name}.ready"
        ready.unlink(missing_ok=True)
        environment = {
            **self.database.environment("mmo_front"),
            "MMO_TEMPORAL_ADDRESS": self.settings.temporal_address,
            "MMO_ENV": "dev",
            "MMO_HOME": str(self.folder),
            "MMO_LISTEN_PORT": str(port),
            "MMO_READY_FILE": str(ready),
        }
        launch = Launch(argv=(sys.executable, "-m", *words), environment=environment)
        log = self.folder / f"{name}.log"
        process = await asyncio.to_thread(start_server, launch, log, ready.exists)
        return process, f"http://127.0.0.1:{port}"

    def headers(self, key: str) -> dict[str, str]:
        async def asked() -> str:
            async with keys_of(self.settings) as keys:
                return await signed_for(keys, TENANT.slug, "operator", "operator")

        token = waited(asked())
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": key}

    async def ask(self, url: str, kind: str, value: str, key: str, **about: str) -> httpx.Response:
        body = {**about, "amount": {"value": value, "currency": "KES"}}
        async with httpx.AsyncClient(base_url=url, timeout=40) as client:
            path = f"/v1/movements/{kind}"
            return await client.post(path, json=body, headers=self.headers(key))

    async def sends(self, url: str, key: str) -> httpx.Response:
        """Alice sends Bob ten shillings."""
        return await self.ask(url, "p2p-transfer", "10.00", key, sender=ALICE, recipient=BOB)

    async def until_final(self, url: str, key: str) -> httpx.Response:
        deadline = time.monotonic() + ANSWER_S
        while (answer := await self.sends(url, key)).status_code not in FINAL:
            assert time.monotonic() < deadline, answer.text
        return answer


@dataclass(slots=True)
class Crash:
    """What one death left, and what the caller got afterwards."""

    key: str
    exit_code: int
    first: httpx.Response | None
    then: httpx.Response | None = None
    written_before: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def movement(self) -> UUID:
        assert self.then is not None
        return UUID(self.then.json()["id"])


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer):
    fresh = postgres_server.create()
    yield fresh
    postgres_server.drop(fresh)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def front(
    database: Database,
    temporal_server: TemporalServer,
    nats_server: NatsServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Front:
    folder = tmp_path_factory.mktemp("dying")
    settings = database.settings(
        "mmo_background",
        temporal_address=temporal_server.address,
        **nats_server.settings,
        env="dev",
        home=folder,
    )
    await seed(settings, (TENANT,))
    return Front(settings=settings, database=database, folder=folder)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crashes(front: Front) -> AsyncIterator[dict[str, Crash]]:
    """Let a front die at each point, one after the other; then an ordinary one takes over."""
    await _give_alice_money(front)
    dying = await asyncio.gather(
        *(front.runs("tests.faults.front_that_dies", point) for point in POINTS)
    )
    happened = {
        point: await _die(front, process, url)
        for point, (process, url) in zip(POINTS, dying, strict=True)
    }
    process, url = await front.runs("workers", "front")
    try:
        for crash in happened.values():
            crash.then = await front.until_final(url, crash.key)
        yield happened
    finally:
        end(process.pid, born(process.pid) or 0)


async def _give_alice_money(front: Front) -> None:
    process, url = await front.runs("workers", "front")
    for kind, about in (
        ("emoney-issuance", {"recipient": SUPER_AGENT, "bank_reference": "BANK 1"}),
        ("float-top-up", {"payer": SUPER_AGENT, "payee": AGENT}),
        ("cash-in", {"agent": AGENT, "customer": ALICE}),
    ):
        answer = await front.ask(url, kind, "1000.00", kind, **about)
        assert answer.status_code == 201, answer.text
    end(process.pid, born(process.pid) or 0)


async def _die(front: Front, process: Any, url: str) -> Crash:
    key = uuid4().hex
    try:
        first = await front.sends(url, key)
    except httpx.TransportError:
        first = None
    code = await asyncio.to_thread(process.wait, 20)
    with psycopg.connect(front.database.admin) as books:
        written = _written(books, key)
    return Crash(key=key, exit_code=code, first=first, written_before=written)


def _written(books: psycopg.Connection, key: str) -> dict[str, int]:
    """How many rows there are about a movement."""
    rows = books.execute(
        """SELECT (SELECT count(*) FROM movements.command c WHERE c.movement_id = k.id),
                  (SELECT count(*) FROM ledger.journal j WHERE j.txn = k.id),
                  (SELECT count(*) FROM messaging.event e WHERE e.aggregate_id = k.id
                      AND e.aggregate = 'movement')
             FROM (SELECT movement_id AS id FROM movements.command WHERE key = %s) k""",
        [key],
    ).fetchone()
    assert rows is not None, "the command was kept before anything else"
    return dict(zip(("commands", "journals", "events"), rows, strict=True))


async def _history(front: Front, movement: UUID) -> Any:
    async with open_pool(front.settings) as pool, keys_of(front.settings) as keys:
        envelope = Envelope(keys)
        histories = Histories(pool, TenantClients(front.settings.temporal_address, envelope))
        deadline = time.monotonic() + ANSWER_S
        while True:
            history, _ = await histories.find(TENANT, movement)
            if closed(history) or time.monotonic() > deadline:
                return history
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("point", POINTS)
async def test_the_front_dies_just_there(crashes: dict[str, Crash], point: str) -> None:
    before = {"accepted": 0, "started": 0, "decided": 0, "committed": 1, "answered": 1}[point]

    assert crashes[point].exit_code == DEAD
    assert crashes[point].written_before == {
        "commands": 1, "journals": before, "events": before,
    }  # fmt: skip
    assert (crashes[point].first is not None) == (point == "answered")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.case("H5")
async def test_the_callers_repeat_gets_the_one_outcome(
    crashes: dict[str, Crash], front: Front, point: str
) -> None:
    crash = crashes[point]
    assert crash.then is not None
    assert crash.then.status_code == 201, crash.then.text
    assert crash.then.headers["Idempotency-Replayed"] == "true"
    with psycopg.connect(front.database.admin) as books:
        assert _written(books, crash.key) == {"commands": 1, "journals": 1, "events": 1}
    if crash.first is not None:
        assert crash.first.json() == crash.then.json()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.case("H7")
async def test_the_workflow_is_closed_and_its_task_was_given_to_another_process(
    crashes: dict[str, Crash], front: Front, point: str
) -> None:
    history = await _history(front, crashes[point].movement)
    lost = [event for event in history.events if event.HasField(
        "workflow_task_timed_out_event_attributes")]  # fmt: skip

    assert closed(history) == "completed"
    assert bool(lost) == (point != "accepted")
    await replayer().replay_workflow(history)


async def test_each_shilling_went_once(crashes: dict[str, Crash], front: Front) -> None:
    assert len({crash.movement for crash in crashes.values()}) == len(POINTS)
    with psycopg.connect(front.database.admin) as books:
        assert [check for check in verify(books, INVARIANTS) if not check.holds] == []
        found = books.execute(
            """SELECT a.posted FROM wallets.wallet w
                 JOIN ledger.account a ON a.tenant_id = w.tenant_id
                  AND a.id = (w.accounts ->> 'wallet')::bigint
                WHERE w.owner = ANY (%s) ORDER BY w.owner""",
            [["alice", "bob"]],
        ).fetchall()
    sent = 10_00 * len(POINTS)
    assert found == [(1000_00 - sent,), (sent,)]
