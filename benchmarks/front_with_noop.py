"""The role front, with a workflow that does nothing, and a codec that can be switched off."""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import uuid4

import uvloop
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.movements import MovementActivities
from api.app import Parts, create_app
from api.guard import Guard
from api.security import Caller, requires
from benchmarks.noop import NoOp
from mmo.histories.codec import TenantCodec
from mmo.keys.envelope import Envelope
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from workers.fleet import movements_worker
from workers.serving import Makers, serve
from workers.stopping import until_told_to_stop
from workers.wiring import TenantClients, permits_of
from workflows.support import queues
from workflows.support.limits import WORKFLOW_TASK

router = APIRouter()


class Switch:
    """Whether what is written from now on is enciphered."""

    on = True


class SwitchedCodec(TenantCodec):
    """Enciphers only while it is told to; reads both."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return await super().encode(payloads) if Switch.on else list(payloads)


class SwitchedClients(TenantClients):
    """Clients whose ciphering can be switched off."""

    def codec(self, tenant: Tenant) -> TenantCodec:
        return SwitchedCodec(self.envelope, tenant.slug, tenant.namespace)

    def __init__(self, settings: Settings, envelope: Envelope) -> None:
        super().__init__(settings.temporal_address, envelope, permits_of(settings))
        self.envelope = envelope


class Wanted(BaseModel):
    """How the codec is to be."""

    on: bool


@router.post("/bench/codec")
async def switch(
    wanted: Wanted, _: Annotated[Caller, Depends(requires("movements:p2p-transfer"))]
) -> JSONResponse:
    """Switch the codec on or off."""
    Switch.on = wanted.on
    return JSONResponse({"on": Switch.on})


@router.post("/bench/noop", status_code=201)
async def noop(
    request: Request, caller: Annotated[Caller, Depends(requires("movements:p2p-transfer"))]
) -> JSONResponse:
    """Start a workflow eagerly, as a movement is, and answer once it has ended."""
    client: Client = await request.app.state.clients(caller.tenant)
    number = uuid4().hex
    await client.execute_workflow(
        NoOp.run,
        number,
        id=f"bench/{number}",
        task_queue=queues.MOVEMENTS,
        task_timeout=WORKFLOW_TASK,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        request_eager_start=True,
    )
    return JSONResponse({"id": number}, 201)


class WithNoOp(Makers):
    """The parts of the front, and the yardstick beside them."""

    def clients(self, settings: Settings, envelope: Envelope) -> TenantClients:
        return SwitchedClients(settings, envelope)

    def worker(
        self, client: Client, activities: MovementActivities, approvals: ApprovalActivities
    ) -> Worker:
        return movements_worker(client, activities, approvals, [NoOp])

    def app(self, parts: Parts) -> Guard:
        return create_app(parts, router)


def main() -> None:
    settings = Settings()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            until_told_to_stop(lambda stop: serve(settings, stop, works=True, makers=WithNoOp()))
        )


if __name__ == "__main__":
    main()
