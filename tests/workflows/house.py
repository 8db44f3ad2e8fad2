"""A small operator in one process: real books, real workflows, wallets of people with money."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.movements import MovementActivities
from api.accepting import summary_of
from api.start import request_of, start, workflow_id
from mmo.approvals import document_store
from mmo.approvals.awaited import Choice
from mmo.approvals.documents import write as write_decision
from mmo.approvals.postgres import Approvals
from mmo.approvals.postgres import find as find_approval
from mmo.changes.wallets import Changed, NewWallet, WalletChanges
from mmo.kernel.envelope import Actor, Quoted
from mmo.kernel.identifiers import TenantId, mint
from mmo.keys.development import DevelopmentKeys
from mmo.keys.envelope import Envelope
from mmo.movements.support.catalogue import movements
from mmo.movements.support.commands import CommandRow, Commands, fingerprint_of
from mmo.movements.support.first_outcomes import FirstOutcomes
from mmo.movements.support.outcome import Held, Request
from mmo.movements.support.postgres import PostgresFacts
from mmo.movements.support.postgres_writer import PostgresWriter
from mmo.movements.support.signed_answers import SignedAnswers, binding, write
from mmo.settings import Settings
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from mmo.wallets.personal import PersonalData
from mmo.wallets.wallet import Wallet
from tests.support.skipped_time import SkippedFacts
from workers.fleet import approvals_of
from workers.sandbox import RUNNER
from workers.tenants import open_books
from workers.wiring import answer_verifier, decision_verifier, open_pool
from workflows.support import queues
from workflows.support.catalogue import workflows
from workflows.support.movement import awaited_of

TENANT = Tenant(
    id=TenantId(1), slug="demo", name="Demo", timezone="Africa/Nairobi", currencies=("KES",)
)
PEOPLE = {
    "super": "super_agent", "agent": "agent", "alice": "customer", "bob": "customer",
    "stall": "agent", "shop": "merchant",
}  # fmt: skip
CLERK = Actor(subject="clerk", client="tests")
OUTCOME_S = 30.0


@dataclass(slots=True)
class House:
    """The operator, and what a test asks of it."""

    pool: AsyncConnectionPool[Any]
    client: Client
    keys: DevelopmentKeys
    activities: MovementActivities
    first: FirstOutcomes
    wallets: dict[str, Wallet] = field(default_factory=dict[str, Wallet])
    numbers: dict[str, str] = field(default_factory=dict[str, str])
    """Wallet → its number in clear."""
    ahead: timedelta = timedelta(0)
    """How far a server that skips time is ahead of the clock."""

    @property
    def commands(self) -> Commands:
        return Commands(self.pool)

    @property
    def changes(self) -> WalletChanges:
        return WalletChanges(self.pool, lambda: None)

    @property
    def personal(self) -> PersonalData:
        return PersonalData(self.keys, Envelope(self.keys))

    @property
    def approvals(self) -> ApprovalActivities:
        return ApprovalActivities(Approvals(self.pool, decision_verifier(self.keys)))

    def worker(
        self, client: Client | None = None, replaced: Mapping[type, type] | None = None,
        **options: Any,
    ) -> Worker:  # fmt: skip
        """A worker in the sandbox, as tests run workflows; some may be `replaced` by others."""
        doors = self.activities
        return Worker(
            client or self.client,
            task_queue=queues.MOVEMENTS,
            workflows=[(replaced or {}).get(one, one) for one in workflows().values()],
            activities=[
                doors.execute, doors.reserve, doors.settle, doors.release, doors.verify_answer,
                doors.find_recipient, doors.unread_answers,
                *approvals_of(self.approvals),
            ],
            workflow_runner=RUNNER,
            build_id="tests",
            **options,
        )  # fmt: skip

    async def accept(
        self, kind: str, value: str, granted: Sequence[str] = (), *, quoted: Quoted | None = None,
        **parties: Any,
    ) -> CommandRow:  # fmt: skip
        """Accept a command, as the API does after its checks. Parties are named by person."""
        movement = movements()[kind]
        body = {field: self.wallets[name].id if name in self.wallets else name
                for field, name in parties.items()}  # fmt: skip
        body["amount"] = {"value": value, "currency": "KES"}
        command = movement.command.model_validate(body)
        named = [self.numbers[str(wallet)] for wallet in command.wallets().values()]
        row = CommandRow(
            movement_id=mint(),
            tenant_id=TENANT.id,
            type=kind,
            body=command.canonical(),
            note=None,
            actor=CLERK.subject,
            client=f"{CLERK.client}/{CLERK.subject}",
            granted=list(granted),
            summary=summary_of(movement, command, named),
            accepted_at=datetime.now(UTC) + self.ahead,
            state="accepted",
            outcome=None,
            fingerprint=fingerprint_of(kind, command.canonical(), None),
            quoted=asdict(quoted) if quoted else None,
        )
        kept, _ = await self.commands.accept(row, str(row.movement_id))
        return kept

    async def begin(
        self, kind: str, value: str = "10.00", granted: Sequence[str] = (), **parties: Any
    ) -> CommandRow:
        """Accept a command and start its workflow."""
        row = await self.accept(kind, value, granted, **parties)
        await start(self.client, TENANT, row, eager=False)
        return row

    def handle(self, row: CommandRow) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(TENANT.slug, row))

    async def move(self, kind: str, value: str = "10.00", **parties: str) -> dict[str, Any]:
        """Carry a movement out to its end; answer with its outcome."""
        row = await self.begin(kind, value, ["emoney:release"], **parties)
        await self.handle(row).result()
        return await self.outcome(row)

    async def outcome(self, row: CommandRow, state: str | None = None) -> dict[str, Any]:
        """Wait for an outcome (of a state)."""
        deadline = time.monotonic() + OUTCOME_S
        while time.monotonic() < deadline:
            kept = await self.commands.find(row.tenant_id, row.movement_id)
            if kept and kept.outcome and state in {None, kept.state}:
                return kept.outcome
            await asyncio.sleep(0.02)
        raise AssertionError(f"{row.type} has no outcome {state or ''}")

    async def answer(
        self, row: CommandRow, name: str, choice: str, by: str = "checker", **changes: Any
    ) -> None:
        """Send a signed answer to a waiting movement."""
        about = changes.get("about") or binding(row.type, row.movement_id, row.body)
        identifier = mint().hex
        document = await write(
            self.keys, TENANT.slug, Actor(subject=by, client="tests"),
            about=about, name=name, choice=choice, note="", joined=changes.get("joined"),
            bank_reference=changes.get("bank_reference", ""), identifier=identifier,
        )  # fmt: skip
        await self.record(row, identifier, document)
        await self.handle(row).signal("decide", changes.get("document", document))

    async def _asks_for_approval(self, row: CommandRow) -> bool:
        """Whether the API would take a decision: it refuses one about what nobody is asked."""
        async with scoped(self.pool, TENANT.id) as connection:
            found = await find_approval(connection, TENANT.id, row.movement_id)
        return found is not None and found.state == "open"

    async def record(self, row: CommandRow, identifier: str, document: str) -> None:
        """Keep a document before it is signalled, as the API does."""
        async with scoped(self.pool, TENANT.id) as connection:
            await document_store.record(
                connection, TENANT.id, row.movement_id, identifier, document
            )

    async def prove(
        self, request: Request, name: str, choice: str, joined: Mapping[str, str] | None = None,
        bank_reference: str = "",
    ) -> None:  # fmt: skip
        """Let an answer of a movement be on record as verified."""
        async with scoped(self.pool, TENANT.id) as connection:
            await connection.execute(
                """INSERT INTO movements.answer
                   (tenant_id, movement_id, id, name, choice, subject, joined, bank_reference)
                   VALUES (%s, %s, %s, %s, %s, 'checker', %s, %s)""",
                [
                    TENANT.id, request.envelope.movement, mint().hex, name, choice,
                    Jsonb(dict(joined or {})), bank_reference,
                ],
            )  # fmt: skip

    async def decline(self, request: Request) -> Request:
        """Let somebody's no be on record as verified; the request that gives back for it."""
        async with scoped(self.pool, TENANT.id) as connection:
            await connection.execute(
                """INSERT INTO approvals.approval (tenant_id, id, kind, event, about, maker, people,
                                                   asks, roles, summary, expires_at)
                   VALUES (%s, %s, 'movement', 'any', '', 'clerk', '{}', '[]', '{}', '{}',
                           now() + interval '1 day') ON CONFLICT DO NOTHING""",
                [TENANT.id, request.envelope.movement],
            )
            await connection.execute(
                """INSERT INTO approvals.decision
                   (tenant_id, approval_id, subject, document, choice, roles, note)
                   VALUES (%s, %s, 'checker', 'd', 'reject', '{}', '') ON CONFLICT DO NOTHING""",
                [TENANT.id, request.envelope.movement],
            )
        return request.then(request.step, because="declined")

    async def decide(
        self, row: CommandRow, by: str, choice: Choice = "approve", **changes: Any
    ) -> None:
        """Send a signed decision to a movement that waits for approval."""
        asked = request_of(TENANT, row)
        held = Held(journal=0, at="", position="")
        about = changes.get("about") or awaited_of(asked, held).about
        identifier = mint().hex
        document = await write_decision(
            self.keys, TENANT.slug, Actor(subject=by, client="tests"), about=about, choice=choice,
            identifier=identifier,
        )  # fmt: skip
        if await self._asks_for_approval(row):
            await self.record(row, identifier, document)
        await self.handle(row).signal("decide", changes.get("document", document))

    async def holds(self, name: str) -> int:
        """What somebody's wallet holds in the ledger, in minor units."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT posted FROM ledger.account WHERE tenant_id = %s AND id = %s",
                [TENANT.id, self.wallets[name].accounts["wallet"]],
            )
            row = await cursor.fetchone()
        assert row is not None
        return row[0]

    async def open_wallet(self, name: str, kind: str, msisdn: str) -> None:
        """Open somebody's wallet."""
        identifier = mint()
        person = await self.personal.seal(TENANT.slug, identifier, msisdn, name)
        new = NewWallet(kind=kind, currency="KES", person=person, owner=name)
        opened = await self.changes.open(TENANT.id, identifier, new, CLERK)
        assert isinstance(opened, Changed)
        self.wallets[name] = opened.wallet
        self.numbers[opened.wallet.id] = msisdn

    def identifier(self, name: str) -> UUID:
        return UUID(self.wallets[name].id)


@asynccontextmanager
async def house(
    settings: Settings, client: Client, keys: Path, environment: WorkflowEnvironment | None = None
) -> AsyncGenerator[House]:
    """Open the operator on a fresh database and a namespace that is there already.

    `environment`: of a server that skips time, whose clock the facts follow.
    """
    store = DevelopmentKeys(keys)
    store.make(TENANT.slug)
    async with await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True) as connection:
        await open_books(connection, TENANT)
    async with open_pool(settings) as pool:
        first = FirstOutcomes()
        facts = SkippedFacts(pool, environment) if environment else PostgresFacts(pool)
        writer = PostgresWriter(pool)
        answers = SignedAnswers(answer_verifier(store), pool)
        activities = MovementActivities(facts, writer, answers, first)
        opened = House(pool=pool, client=client, keys=store, activities=activities, first=first)
        for number, (name, kind) in enumerate(PEOPLE.items()):
            await opened.open_wallet(name, kind, f"+25470000010{number}")
        try:
            yield opened
        finally:
            await facts.close()
            await writer.close()


async def give_everybody_money(opened: House) -> None:
    """Super-agent, agent and Alice each have KES 1,000.00 or more; a worker must be running."""
    issue = await opened.move(
        "emoney-issuance", "10000.00", recipient="super", bank_reference="BANK 1"
    )
    assert issue["state"] == "posted", issue
    for pool in ("commission", "marketing", "loss"):
        await opened.move("pool-funding", "1000.00", pool=pool, bank_reference=f"BANK {pool}")
    await opened.move("float-top-up", "5000.00", payer="super", payee="agent")
    await opened.move("cash-in", "2000.00", agent="agent", customer="alice")
