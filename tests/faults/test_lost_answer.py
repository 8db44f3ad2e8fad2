"""The books are written, the answer is lost, the rules change: the repeat gets what was written."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import ConnectConfig, ServiceClient

from activities.movements import MovementActivities
from mmo.books.verify import INVARIANTS
from mmo.ledger.batcher import Limits
from mmo.ledger.recorded import Recorded, Stale
from mmo.ledger.verify import verify
from mmo.movements.support.decide import Draft
from mmo.movements.support.facts import Facts
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from mmo.movements.support.signed_answers import SignedAnswers
from tests.faults.cut_line import CutLine, cut_line
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from tests.workflows.house import House, give_everybody_money, house
from workers.namespaces import open_namespace
from workers.wiring import answer_verifier

NAMESPACE = "mmo-lost-answers"
IMPATIENT = Limits(lanes=1, deadline=0.3)
"""An attempt gives up this soon after its answer was lost, so that the activity is retried."""

ALICES = "(SELECT (accounts ->> 'wallet')::bigint FROM wallets.wallet WHERE owner = 'alice')"
CHANGES = {
    "the rules changed": ("SELECT ledger.raise_rules(1)", None),
    "the payer was frozen": (
        "UPDATE wallets.wallet SET state = 'frozen' WHERE owner = 'alice'",
        "wallet_frozen",
    ),
    "the payer became an agent": (
        "UPDATE wallets.wallet SET kind = 'agent' WHERE owner = 'alice'",
        "wallet_kind_invalid",
    ),
    "the payer has no money left": (
        f"""SELECT ledger.set_account_limits(1, id, posted, ceiling) FROM ledger.account
             WHERE tenant_id = 1 AND id = {ALICES}""",
        "insufficient_funds",
    ),
}
"""What happens between commit and repeat, and what a decision says from then on."""


class Lost(PostgresWriter):
    """A writer whose line loses the answer to the first posting after it was armed."""

    line: CutLine
    arm: bool = False

    async def post(self, draft: Draft) -> Recorded | Stale:
        self.line.armed, self.arm = self.arm, False
        return await super().post(draft)


class Counted(PostgresFacts):
    """Counts the attempts: each begins with its facts."""

    attempts: int = 0

    async def read(self, request: Request, verb: Verb) -> Facts:
        self.attempts += 1
        return await super().read(request, verb)


@pytest.fixture(scope="module")
async def client(temporal_server: TemporalServer) -> Client:
    service = await ServiceClient.connect(ConnectConfig(target_host=temporal_server.address))
    await open_namespace(service, NAMESPACE, timedelta(days=1))
    return Client(service, namespace=NAMESPACE, data_converter=pydantic_data_converter)


@pytest.fixture
async def line(database: Database) -> AsyncGenerator[CutLine]:
    async with cut_line(database.port) as opened:
        yield opened


@pytest.fixture
async def opened(
    client: Client, database: Database, line: CutLine, tmp_path: Path
) -> AsyncGenerator[House]:
    settings = database.settings("mmo_background", database_port=line.port)
    async with house(settings, client, tmp_path / "keys") as started:
        facts, writer = Counted(started.pool, IMPATIENT), Lost(started.pool, limits=IMPATIENT)
        writer.line = line
        answers = SignedAnswers(answer_verifier(started.keys), started.pool)
        started.activities = MovementActivities(facts, writer, answers, started.first)
        async with started.worker():
            await give_everybody_money(started)
            facts.attempts, writer.arm = 0, True
            yield started
            line.down.clear()  # or the workflow of a failed test would keep the worker waiting


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.case("H7")
async def test_what_was_written_stands_although(
    opened: House, line: CutLine, database: Database, what: str
) -> None:
    change, refusal = CHANGES[what]
    row = await opened.begin("p2p-transfer", sender="alice", recipient="bob")
    await asyncio.wait_for(line.down.wait(), 20)
    written = await _journal(database, row.movement_id)
    await _run(database, change)
    facts = opened.activities._facts  # noqa: SLF001 - nothing else counts the attempts
    assert isinstance(facts, Counted)
    while facts.attempts < 2:  # noqa: ASYNC110 - a reader of facts has no event for its attempts
        await asyncio.sleep(0.02)
    line.down.clear()

    outcome = await asyncio.wait_for(opened.handle(row).result(), 40)

    assert line.answers_lost == 1
    assert await _journal(database, row.movement_id) == written
    history = await opened.handle(row).fetch_history()
    assert _attempt(history) > 1
    assert outcome["journal"] == written[0][0]
    assert _canonical(outcome["record"]) == _canonical(json.loads(written[0][1]))
    kept = await opened.outcome(row)
    assert (kept["journal"], kept["state"]) == (written[0][0], "posted")
    assert await opened.holds("bob") == 10_00
    await _decided_otherwise_now(opened, refusal, before=json.loads(written[0][1]))
    with psycopg.connect(database.admin) as books:
        assert [check for check in verify(books, INVARIANTS) if not check.holds] == []


async def _decided_otherwise_now(
    opened: House, refusal: str | None, before: dict[str, Any]
) -> None:
    """The change was a real one: the next movement meets it."""
    row = await opened.begin("p2p-transfer", sender="alice", recipient="bob")
    then = await opened.handle(row).result()
    if refusal is None:
        assert then["record"]["rules_version"] == before["rules_version"] + 1
    else:
        assert then["code"] == refusal


async def _journal(database: Database, movement: Any) -> list[tuple[Any, ...]]:
    """The journal rows of a movement, the record byte for byte as it stands there."""
    async with await psycopg.AsyncConnection.connect(database.admin, autocommit=True) as books:
        cursor = await books.execute(
            """SELECT seq, meta::text, xid, encode(fingerprint, 'hex'), amounts
                 FROM ledger.journal WHERE txn = %s""",
            [movement],
        )
        rows = await cursor.fetchall()
    assert len(rows) == 1, "the transaction was committed before its answer was lost"
    return rows


async def _run(database: Database, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(database.admin, autocommit=True) as books:
        cursor = await books.execute(statement)
        assert cursor.rowcount == 1


def _attempt(history: WorkflowHistory) -> int:
    """Which attempt of the local activity came through."""
    marker = next(
        event.marker_recorded_event_attributes
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    )
    return json.loads(marker.details["data"].payloads[0].data)["attempt"]


def _canonical(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
