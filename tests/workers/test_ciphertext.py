"""What Temporal keeps of a tenant's workflows is ciphertext; the tenant's own key reads it."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowFailureError, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from mmo.histories.codec import ENCODING, TenantCodec
from mmo.histories.fold import UnreadableHistoryError, fold
from mmo.histories.opening import opened as open_history
from mmo.keys.development import DevelopmentKeys
from mmo.keys.envelope import Envelope, TamperedError
from mmo.keys.ports import NoKeyError
from mmo.movements.support.commands import CommandRow
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from tests.workflows.house import TENANT, House, house
from workers.converter import sealing
from workers.history_export import Exporter
from workers.replaying import Histories
from workers.wiring import TenantClients

MONTH = timedelta(days=30)


@pytest.fixture
def canary() -> str:
    """A text that stands nowhere else."""
    return f"canary {secrets.token_hex(8)}"


@pytest.fixture
def keys(tmp_path: Path) -> DevelopmentKeys:
    return DevelopmentKeys(tmp_path / "keys")


@pytest.fixture
def sealed(own_temporal: TemporalServer, keys: DevelopmentKeys) -> TenantClients:
    return TenantClients(own_temporal.address, Envelope(keys))


@asynccontextmanager
async def working(
    database: Database, folder: Path, clients: TenantClients, made: TenantClients
) -> AsyncGenerator[House]:
    """An operator whose workflows go through the clients `made`, in the namespace of `clients`."""
    await clients(TENANT)
    settings = database.settings("mmo_background")
    async with house(settings, await made(TENANT), folder / "keys") as opened, opened.worker():
        yield opened


async def issued(opened: House, reference: str) -> CommandRow:
    """An issuance whose command, and whose checker's words, have the canary."""
    row = await opened.begin(
        "emoney-issuance", "50.00", recipient="super", bank_reference=reference
    )
    await opened.outcome(row, "pending_approval")
    await opened.answer(row, "release", "release")
    await opened.handle(row).result()
    return row


def raw(history: WorkflowHistory) -> bytes:
    return History(events=history.events).SerializeToString()


async def test_without_the_codec_a_history_tells_everything(
    database: Database, tmp_path: Path, clients: TenantClients, canary: str
) -> None:
    """The scan that the others rely on finds what is there."""
    async with working(database, tmp_path, clients, clients) as opened:
        row = await issued(opened, canary)
        history = await opened.handle(row).fetch_history()

    assert canary.encode() in raw(history)
    assert row.summary.encode() in raw(history)


@pytest.mark.case("D8")
async def test_a_history_holds_no_clear_text(
    database: Database, tmp_path: Path, clients: TenantClients, sealed: TenantClients, canary: str
) -> None:
    async with working(database, tmp_path, clients, sealed) as opened:
        row = await issued(opened, canary)
        history = await opened.handle(row).fetch_history()
        super_agent = opened.wallets["super"].id

        kept = raw(history)
        for told in (canary, row.summary, super_agent, '"50.00"', "posted"):
            assert told.encode() not in kept
        with pytest.raises(UnreadableHistoryError, match="enciphered"):
            fold(history)

        clear = await open_history(history, sealed.codec(TENANT))

    assert canary.encode() in raw(clear)
    assert row.summary.encode() in raw(clear)
    folded = fold(clear)
    assert (folded.state, folded.wallets) == ("posted", (super_agent,))


async def test_the_archive_keeps_ciphertext_and_what_is_opened_replays_and_equals_the_books(
    database: Database, tmp_path: Path, clients: TenantClients, sealed: TenantClients, canary: str
) -> None:
    async with working(database, tmp_path, clients, sealed) as opened:
        row = await issued(opened, canary)
        assert await Exporter(opened.pool, clients, MONTH).round() is False

        histories = Histories(opened.pool, sealed)
        clear, source = await histories.find(TENANT, row.movement_id)
        (replayed,) = [one async for one in histories.replay(TENANT, [row.movement_id])]
        closed, _ = await Histories(opened.pool, clients).find(TENANT, row.movement_id)

    assert (source, replayed.source, replayed.failure) == ("archive", "archive", None)
    assert canary.encode() in raw(clear)
    assert canary.encode() not in raw(closed)


@workflow.defn
class Fails:
    """Fails with the words that it is given."""

    @workflow.run
    async def run(self, words: str) -> None:
        raise ApplicationError(words, words)


@pytest.mark.parametrize("ciphered", [False, True])
async def test_what_a_failure_says_is_ciphertext_too(
    clients: TenantClients, sealed: TenantClients, keys: DevelopmentKeys, canary: str,
    ciphered: bool,
) -> None:  # fmt: skip
    keys.make(TENANT.slug)
    await clients(TENANT)
    made = sealed if ciphered else clients
    client = await made(TENANT)
    async with Worker(
        client, task_queue=canary, workflows=[Fails], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        handle = await client.start_workflow("Fails", canary, id=secrets.token_hex(8),
                                             task_queue=canary)  # fmt: skip
        with pytest.raises(WorkflowFailureError) as raised:
            await handle.result()
    history = await handle.fetch_history()

    failed = history.events[-1].workflow_execution_failed_event_attributes.failure
    assert (failed.message == canary) is not ciphered
    assert raised.value.cause is not None
    assert canary in str(raised.value.cause)
    clear = await open_history(history, made.codec(TENANT))
    told = clear.events[-1].workflow_execution_failed_event_attributes.failure
    assert told.message == canary


async def test_a_payload_opens_in_its_own_namespace_and_for_its_own_tenant_only(
    keys: DevelopmentKeys,
) -> None:
    for tenant in ("demo", "other"):
        keys.make(tenant)
    envelope = Envelope(keys)
    own = TenantCodec(envelope, "demo", "mmo-demo")
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"words"')

    (blob,) = await own.encode([clear])

    assert blob.metadata["encoding"] == ENCODING
    assert b"words" not in blob.SerializeToString()
    assert await own.decode([blob, clear]) == [clear, clear]
    with pytest.raises(TamperedError):
        await TenantCodec(envelope, "demo", "mmo-other").decode([blob])
    with pytest.raises(NoKeyError):
        await TenantCodec(envelope, "other", "mmo-demo").decode([blob])


def test_failures_are_encoded_wherever_payloads_are(keys: DevelopmentKeys) -> None:
    codec = TenantCodec(Envelope(keys), "demo", "mmo-demo")

    assert sealing(codec).payload_codec is codec
    assert sealing(codec).failure_converter.__class__.__name__.endswith("EncodedAttributes")
    assert sealing(None).payload_codec is None
