"""Whoever reaches Temporal starts what they like, and nothing moves that nobody accepted."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from api.start import request_of
from mmo.bep.verdict import Approval, Ask
from mmo.kernel.envelope import Actor
from mmo.kernel.identifiers import MovementId, TenantId, mint
from mmo.kernel.refusals import Refused
from mmo.keys.development import DevelopmentKeys
from mmo.keys.envelope import Envelope
from mmo.movements.support.commands import CommandRow
from mmo.movements.support.outcome import Posted, Request
from tests.mmo.moving import rows
from tests.servers.postgres import Database
from tests.servers.temporal import TemporalServer
from tests.support.waiting_movements import WAITING
from tests.workflows.house import TENANT, House, give_everybody_money, house
from workers.fleet import movements_worker
from workers.namespaces import open_namespace
from workers.wiring import TenantClients
from workflows.support import queues
from workflows.support.catalogue import workflow_of

ENDED_S = 30.0
FOREIGN = "mmo-other"


@pytest.fixture
async def opened(
    own_temporal: TemporalServer, clients: TenantClients, database: Database, tmp_path: Path
) -> AsyncGenerator[House]:
    """An operator as in production: its payloads are enciphered, its worker is the fleet's."""
    keys = DevelopmentKeys(tmp_path / "keys")
    keys.make(TENANT.slug)
    sealed = TenantClients(own_temporal.address, Envelope(keys))
    settings = database.settings("mmo_background", database_pool_max=8)
    async with house(settings, await sealed(TENANT), tmp_path / "keys") as started:
        worker = movements_worker(
            await sealed.for_worker(TENANT), started.activities, started.approvals
        )
        async with worker:
            await give_everybody_money(started)
            yield started


async def books(opened: House) -> list[Any]:
    return await rows(
        opened.pool,
        "SELECT account_id, posted FROM ledger.balance ORDER BY account_id",
    )


def made_up(opened: House, accepted: CommandRow, kind: str) -> Request:
    """A request that the API never accepted."""
    command = {
        name: opened.wallets[who].id if who in opened.wallets else who
        for name, who in FORGED[kind].items()
    }
    real = request_of(TENANT, accepted)
    return replace(
        real,
        envelope=replace(real.envelope, movement=MovementId(str(mint())),
                         granted=("emoney:release",)),
        movement=kind,
        command={**command, "amount": {"value": "10.00", "currency": "KES"}},
    )  # fmt: skip


@pytest.fixture
async def accepted(opened: House) -> CommandRow:
    """A transfer that the API accepted, and that nobody has carried out yet."""
    return await opened.accept("p2p-transfer", "1.00", sender="alice", recipient="bob")


FORGED = {
    "p2p-transfer": {"sender": "alice", "recipient": "bob"},
    "cash-in": {"agent": "agent", "customer": "bob"},
    "emoney-issuance": {"recipient": "super", "bank_reference": "FORGED"},
    "escrow": {"customer": "alice", "merchant": "shop"},
}


async def start(client: Client, request: Request, identifier: str = "") -> Any:
    return await client.execute_workflow(
        workflow_of(request.movement).__name__,
        request,
        id=identifier or f"demo/{request.movement}/{request.envelope.movement}",
        task_queue=queues.MOVEMENTS,
        execution_timeout=timedelta(seconds=ENDED_S),
        search_attributes=TypedSearchAttributes([]),
    )


@pytest.mark.parametrize("kind", FORGED)
async def test_a_workflow_that_nobody_accepted_moves_nothing_and_says_so(
    opened: House, accepted: CommandRow, kind: str
) -> None:
    """Even by somebody who has the tenant's key."""
    before = await books(opened)

    outcome = await start(opened.client, made_up(opened, accepted, kind))

    assert outcome["code"] == "not_accepted"
    assert await books(opened) == before


@pytest.mark.parametrize("kind", FORGED)
async def test_a_workflow_started_in_clear_fails_before_it_does_anything(
    opened: House, accepted: CommandRow, clients: TenantClients, kind: str
) -> None:
    before = await books(opened)

    with pytest.raises(WorkflowFailureError) as failed:
        await start(await clients(TENANT), made_up(opened, accepted, kind))

    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "not_accepted"
    assert await books(opened) == before


FIELDS: dict[str, Any] = {
    "movement": lambda asked: replace(asked, movement="cash-in"),
    "amount": lambda asked: replace(
        asked, command={**asked.command, "amount": {"value": "900.00", "currency": "KES"}}
    ),
    "recipient": lambda asked: replace(
        asked, command={**asked.command, "recipient": asked.command["sender"]}
    ),
    "wallet that is none": lambda asked: replace(
        asked, command={**asked.command, "recipient": "not a wallet"}
    ),
    "step": lambda asked: replace(asked, step=2),
    "tenant": lambda asked: replace(asked, envelope=replace(asked.envelope, tenant="other")),
    "tenant's number": lambda asked: replace(
        asked, envelope=replace(asked.envelope, tenant_id=TenantId(99))
    ),
    "id": lambda asked: replace(
        asked, envelope=replace(asked.envelope, movement=MovementId(str(mint())))
    ),
    "joined": lambda asked: replace(asked, joined={"agent": asked.command["sender"]}),
    "bank reference": lambda asked: replace(asked, bank_reference="FORGED"),
    "because": lambda asked: replace(asked, because="cancelled"),
}
"""Each field that would change what is posted."""
HARMLESS: dict[str, Any] = {
    "actor": lambda asked: replace(
        asked, envelope=replace(asked.envelope, actor=Actor(subject="boss", client="x"))
    ),
    "granted": lambda asked: replace(
        asked, envelope=replace(asked.envelope, granted=("emoney:release",))
    ),
    "requested at": lambda asked: replace(
        asked, envelope=replace(asked.envelope, requested_at="2001-01-01T00:00:00+00:00")
    ),
    "answers": lambda asked: replace(asked, answers=False),
    "asked": lambda asked: replace(asked, asked=()),
    "approvals": lambda asked: replace(
        asked, approvals=(Approval(subject="manager-1", roles=("manager",)),)
    ),
    "tried": lambda asked: replace(asked, tried={"1": 7}, resumed=True),
}
"""Each field that is taken from the rows instead."""


@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_forged_for_an_accepted_command_moves_nothing(
    opened: House, accepted: CommandRow, field: str
) -> None:
    before, asked = await books(opened), request_of(TENANT, accepted)

    outcome = await opened.activities.execute(FIELDS[field](asked))

    assert isinstance(outcome, Refused)
    assert outcome.code == "not_accepted"
    assert await books(opened) == before
    assert isinstance(await opened.activities.execute(asked), Posted)


@pytest.mark.parametrize("field", HARMLESS)
async def test_a_field_that_rows_prove_is_not_believed(
    opened: House, accepted: CommandRow, field: str
) -> None:
    asked = request_of(TENANT, accepted)

    outcome = await opened.activities.execute(HARMLESS[field](asked))

    assert isinstance(outcome, Posted)
    assert outcome.record["actor"] == {"subject": "clerk", "client": "tests"}
    told = await opened.outcome(accepted)
    assert told["state"] == "posted"


async def test_approvals_that_nobody_gave_let_nothing_pass(opened: House) -> None:
    row = await WAITING["p2p-transfer"].begin(opened)
    asked = request_of(TENANT, row)
    forged = replace(
        asked,
        asked=(Ask(roles=("manager",)),),
        approvals=(Approval(subject="manager-1", roles=("manager",)),),
    )
    before = await books(opened)

    settled = await opened.activities.settle(forged)

    assert not isinstance(settled, Posted)
    assert await books(opened) == before
    await WAITING["p2p-transfer"].answer(opened, row)
    assert (await opened.outcome(row, "posted"))["code"] is None


LATER = {
    "emoney-issuance": (2, 3),
    "emoney-redemption": (2, 3),
    "escrow": (2, 100),
    "payment-request": (2,),
    "dormancy": (2, 3),
    "voucher": (100,),
    "reversal": (900,),
}


@pytest.mark.parametrize("name", LATER)
async def test_a_later_step_that_nothing_brought_about_moves_nothing(
    opened: House, name: str
) -> None:
    row = await WAITING[name].begin(opened)
    before = await books(opened)

    outcomes = [
        await opened.activities.execute(request_of(TENANT, row).then(number, because=because))
        for number in LATER[name]
        for because in ("", "expired", "cancelled")
    ]

    assert {one.code for one in outcomes if isinstance(one, Refused)} == {"not_accepted"}
    assert await books(opened) == before
    await WAITING[name].answer(opened, row)
    assert (await opened.outcome(row, WAITING[name].state))["code"] == WAITING[name].code


async def test_another_workflow_does_not_carry_an_accepted_movement_out(
    opened: House, accepted: CommandRow
) -> None:
    before, asked = await books(opened), request_of(TENANT, accepted)

    with pytest.raises(WorkflowFailureError):
        await start(opened.client, asked, identifier="demo/p2p-transfer/mine")

    assert await books(opened) == before


async def test_a_result_forged_by_a_foreign_worker_changes_nothing_that_the_books_say(
    opened: House, clients: TenantClients
) -> None:
    """It says that a waiting movement was settled, in clear: rows say what is so."""
    case = WAITING["p2p-transfer"]
    row = await case.begin(opened)
    before = await books(opened)

    @activity.defn(name="movements.settle")
    async def settle(_: Any) -> Any:
        return {"outcome": "posted", "journal": 1, "state": "posted", "at": "", "position": ""}

    @activity.defn(name="approvals.open")
    async def opens(_: Any) -> Any:
        return None

    plain = await clients(TENANT)
    foreign = Worker(plain, task_queue=queues.MOVEMENTS, activities=[settle, opens])
    async with foreign:
        await case.answer(opened, row)
        with suppress(WorkflowFailureError, TimeoutError):
            await asyncio.wait_for(opened.handle(row).result(), 8)

    kept = await opened.commands.find(row.tenant_id, row.movement_id)
    assert kept is not None
    moved = await books(opened) != before
    assert moved == (kept.state == "posted")


async def test_a_namespace_of_another_tenant_runs_nothing_of_this_one(
    own_temporal: TemporalServer, opened: House, accepted: CommandRow, clients: TenantClients,
    tmp_path: Path,
) -> None:  # fmt: skip
    await open_namespace(await clients.service(), FOREIGN, timedelta(days=1))
    keys = DevelopmentKeys(tmp_path / "others")
    keys.make("other")
    other = replace(TENANT, id=TenantId(2), slug="other")
    sealed = TenantClients(own_temporal.address, Envelope(keys))
    before = await books(opened)
    worker = movements_worker(await sealed.for_worker(other), opened.activities, opened.approvals)
    asked = request_of(TENANT, accepted)

    async with worker:
        with pytest.raises(WorkflowFailureError):
            await start(await sealed(other), asked)

    assert await books(opened) == before
