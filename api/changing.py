"""How routes change things that are no money: rules first, and where they ask for it, people."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api.problems import Problem
from api.schemas import answers_with
from api.security import Caller
from api.start import RPC_TIMEOUT, Clients
from mmo.approvals.awaited import Awaited
from mmo.changes.support.asked import Asked, Carried, DeclinedError, Parked
from mmo.changes.support.changes import Changes
from mmo.identity.policy import Policies
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.keys.ports import KeysAwayError, NoKeyError
from workflows.processes.change import Change
from workflows.support import queues
from workflows.support.limits import WORKFLOW_TASK

ABOUT_POLICY = ("user", "role", "api-client")
MISSING = frozenset(
    {
        "wallet_not_found", "flag_not_found", "party_not_found", "store_not_found",
        "document_not_found",
    }
)  # fmt: skip
"""Refusals that are told as 404: what is named in the path is not there."""


class ChangeSchema(BaseModel):
    """A change that was asked for, and what has become of it."""

    id: str
    event: str
    object: str
    state: str
    """`pending`: it waits for people's agreement; `done` or `refused`."""
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    asks: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    """What each rule said."""
    refusal: dict[str, str] | None


class ParkedError(Exception):
    """The change waits for people's agreement: the answer is 202, with the change."""

    def __init__(self, awaited: Awaited) -> None:
        super().__init__(awaited.id)
        self.awaited = awaited


class Changing:
    """Carries out one kind of change for a caller."""

    def __init__(self, request: Request, event: str) -> None:
        self._state = request.app.state
        self._event = event

    async def __call__(
        self, caller: Caller, about: str, body: Mapping[str, Any] | None = None, *,
        unkept: Any = None,
    ) -> Carried:  # fmt: skip
        """Carry it out. `about`: `<entity>/<id>`; `unkept`: what is never written down as it is.

        Raises Problem, and ParkedError where people must agree first.
        """
        changes: Changes = self._state.changes
        asked = Asked(
            tenant=caller.tenant.slug, tenant_id=caller.tenant.id, id=mint(), event=self._event,
            object=about, body=dict(body or {}), actor=caller.actor, unkept=unkept,
        )  # fmt: skip
        try:
            outcome = await changes.run(asked)
        except DeclinedError as error:
            raise _problem(error) from None
        match outcome:
            case Carried():
                self._forget(caller)
                return outcome
            case Parked(awaited):
                await self._start(caller, awaited)
                raise ParkedError(awaited)
            case Refused():
                raise _refused(outcome)

    def _forget(self, caller: Caller) -> None:
        """Let this process read the policy anew, if it may be another one now."""
        if self._event.partition(".")[0] in ABOUT_POLICY:
            policies: Policies = self._state.policies
            policies.forget(caller.tenant.id)

    async def _start(self, caller: Caller, awaited: Awaited) -> None:
        """Start to ask people. Where that fails, the process `changes` does it within seconds."""
        clients: Clients = self._state.clients
        with contextlib.suppress(RPCError, OSError, KeysAwayError, NoKeyError):
            await start_change(await clients(caller.tenant), awaited)


class Raising:
    """The dependency of a route that raises a business event: it says which one."""

    def __init__(self, event: str) -> None:
        self.event = event

    async def __call__(self, request: Request) -> Changing:
        """What carries the change out."""
        return Changing(request, self.event)


async def start_change(
    client: Client, awaited: Awaited,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
) -> None:  # fmt: skip
    """Start the workflow of a change that waits. Safe to repeat: it is started once.

    `reuse`: lets one that was ended by hand be begun anew. Raises RPCError where Temporal does not
    answer.
    """
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            Change.run,
            awaited,
            id=change_workflow_id(awaited.tenant, awaited.id),
            task_queue=queues.CHANGES,
            task_timeout=WORKFLOW_TASK,
            id_reuse_policy=reuse,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=awaited.summary["title"],
            rpc_timeout=RPC_TIMEOUT,
        )


def change_workflow_id(tenant: str, change: str) -> str:
    """The name of a change's workflow."""
    return f"{tenant}/change/{change}"


def changed(model: Any, status: int = 200, *more: int) -> dict[int | str, dict[str, Any]]:
    """What a route that changes something may answer, for the contract."""
    waits = {"description": "It waits for approval. Location names the change."}
    told = answers_with(model, status, *more)
    either = ChangeSchema if status != 202 else model | ChangeSchema  # noqa: PLR2004
    return {**told, 202: {**told.get(202, {}), **waits, "model": either}}


def gone(*more: int) -> dict[int | str, dict[str, Any]]:
    """The same for a route that answers with nothing."""
    told = changed(ChangeSchema, 204, *more)
    return {**told, 204: {"description": "Done."}}


def install_changing(app: FastAPI) -> None:
    """Let what waits for approval be answered with 202."""

    async def parked(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ParkedError)
        awaited = error.awaited
        told = {
            "id": awaited.id,
            "event": awaited.event,
            "object": awaited.summary["object"],
            "state": "pending",
            "asked_by": awaited.maker.subject,
            "asked_at": datetime.now(UTC).isoformat(),
            "ended_at": None,
            "asks": list(awaited.asks),
            "rules": [],
            "refusal": None,
        }
        return JSONResponse(told, 202, headers={"Location": f"/v1/changes/{awaited.id}"})

    app.add_exception_handler(ParkedError, parked)


def _problem(error: DeclinedError) -> Problem:
    more: dict[str, Any] = {}
    if error.errors:
        more["errors"] = [
            {"pointer": pointer, "in": "body", "code": error.code, "detail": what}
            for pointer, what in error.errors
        ]
    return Problem(error.code, error.detail, **more)


def _refused(refused: Refused) -> Problem:
    if "violations" in refused.details:
        return Problem(refused.code, refused.reason, status=422, details=refused.details)
    status = 404 if refused.code in MISSING else 409
    return Problem(refused.code, refused.reason, status=status)
