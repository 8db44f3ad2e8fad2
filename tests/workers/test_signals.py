"""Whatever is signalled to a workflow, what does not fit is dropped, and the workflow goes on."""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import WorkflowHandle
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode

import workflows.processes
from mmo.histories.codec import TenantCodec
from mmo.keys.development import DevelopmentKeys
from mmo.keys.envelope import Envelope
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from tests.support.waiting_movements import WAITING
from tests.workflows.house import TENANT, House, give_everybody_money, house
from workers.converter import DATA_CONVERTER
from workers.wiring import TenantClients
from workflows.support.catalogue import workflows as movement_workflows
from workflows.support.processes import processes

AT_ONCE = 1000
ENDED_S = 60.0


def every_workflow() -> dict[str, type]:
    """All workflows of all queues, found by their modules."""
    found: dict[str, type] = dict(movement_workflows())
    for info in pkgutil.iter_modules(workflows.processes.__path__):
        module = importlib.import_module(f"workflows.processes.{info.name}")
        found |= processes(module.QUEUE)
    return found


@pytest.mark.parametrize("name", sorted(every_workflow()))
def test_no_workflow_takes_signals_with_fixed_parameters(name: str) -> None:
    """Such a handler fails the task for ever where the input is missing or cannot be read."""
    definition: Any = vars(every_workflow()[name])["__temporal_workflow_definition"]

    assert set(definition.signals) <= {None}, "signals go through SignalReceiver"
    assert not definition.updates


@pytest.fixture
async def opened(
    own_temporal: TemporalServer, clients: TenantClients, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    """An operator whose payloads are enciphered, as in production."""
    keys = DevelopmentKeys(tmp_path / "keys")
    keys.make(TENANT.slug)
    sealed = TenantClients(own_temporal.address, Envelope(keys))
    settings = database.settings("mmo_background", database_pool_max=8)
    client, worker_client = await sealed(TENANT), await sealed.for_worker(TENANT)
    async with (
        house(settings, client, tmp_path / "keys") as started,
        started.worker(client=worker_client),
    ):
        await give_everybody_money(started)
        yield started


async def unreadable(tmp_path: Path) -> RawValue:
    """A ciphertext of another key."""
    other = DevelopmentKeys(tmp_path / "others")
    other.make(TENANT.slug)
    codec = TenantCodec(Envelope(other), TENANT.slug, TENANT.namespace)
    (written,) = await codec.encode(DATA_CONVERTER.payload_converter.to_payloads(["text"]))
    return RawValue(written)


def clear(encoding: bytes, data: bytes) -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


async def signal_junk(started: House, handle: WorkflowHandle[Any, Any], foreign: RawValue) -> None:
    """Everything that a person could send by Temporal UI or the command line."""
    plain: Any = started.client.workflow_service
    inputs: list[list[Any]] = [
        [], ["one", "two"], [None], [7], [["a", "list"]], [{"an": "object"}], ["no document"],
        ["a.b.c"], ["x" * 9000],
    ]  # fmt: skip
    for name in ("decide", "wake", "done", "no-such-signal", "__nothing"):
        for args in inputs:
            await handle.signal(name, args=args)
        await signal_raw(plain, handle, name, [])
        for raw in (foreign, clear(b"json/plain", b"{broken"), clear(b"binary/other", b"\x00"),
                    clear(b"json/plain", b'"clear.text.document"')):  # fmt: skip
            await signal_raw(plain, handle, name, [raw.payload])


async def signal_raw(
    service: Any, handle: WorkflowHandle[Any, Any], name: str, payloads: list[Payload]
) -> None:
    """Signal past the codec, as somebody without the tenant's key does."""
    await service.signal_workflow_execution(
        SignalWorkflowExecutionRequest(
            namespace=TENANT.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            signal_name=name,
            input=Payloads(payloads=payloads) if payloads else None,
        )
    )


@pytest.mark.parametrize("name", sorted(WAITING))
async def test_a_waiting_movement_outlives_junk_and_ends_by_the_right_answer(
    opened: House, tmp_path: Path, name: str
) -> None:
    case = WAITING[name]
    row = await case.begin(opened)
    before = await opened.outcome(row)

    await signal_junk(opened, opened.handle(row), await unreadable(tmp_path))
    described = await opened.handle(row).describe()
    still = await opened.outcome(row)
    await case.answer(opened, row)

    await asyncio.wait_for(opened.handle(row).result(), ENDED_S)
    outcome = await opened.outcome(row)
    assert (still["state"], before["state"]) == (before["state"], still["state"])
    assert described.raw_description.pending_workflow_task.attempt <= 1
    assert (outcome["state"], outcome["code"]) == (case.state, case.code)


async def test_a_thousand_signals_at_once_leave_an_approval_waiting(opened: House) -> None:
    case = WAITING["p2p-transfer"]
    row = await case.begin(opened)
    handle = opened.handle(row)

    await asyncio.gather(*(handle.signal("decide") for _ in range(AT_ONCE)))
    await case.answer(opened, row)

    await asyncio.wait_for(handle.result(), ENDED_S)
    assert (await opened.outcome(row))["state"] == "posted"


async def test_a_signal_of_a_megabyte_is_refused_by_the_server(opened: House) -> None:
    case = WAITING["escrow"]
    row = await case.begin(opened)

    with pytest.raises(RPCError) as refused:
        await opened.handle(row).signal("decide", "x" * 1_000_000)
    await case.answer(opened, row)

    assert refused.value.status is RPCStatusCode.INVALID_ARGUMENT
    await asyncio.wait_for(opened.handle(row).result(), ENDED_S)


@pytest.mark.parametrize("name", ["escrow", "p2p-transfer", "reversal", "voucher"])
async def test_a_movement_that_hears_too_much_goes_on_in_a_fresh_history(
    opened: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("workflows.support.movement.HISTORY_EVENTS_MAX", 60)
    case = WAITING[name]
    row = await case.begin(opened)
    handle = opened.handle(row)
    first = (await handle.describe()).run_id

    async with asyncio.timeout(ENDED_S):
        while (await handle.describe()).run_id == first:
            await handle.signal("wake")
            await handle.signal("decide", "a.b.c")
    still = await opened.outcome(row)
    await case.answer(opened, row)

    await asyncio.wait_for(handle.result(), ENDED_S)
    outcome = await opened.outcome(row)
    assert still["state"].startswith("pending")
    assert (outcome["state"], outcome["code"]) == (case.state, case.code)
