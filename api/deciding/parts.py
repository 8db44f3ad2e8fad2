"""What the routes of approvals share: who may decide, the signed document, and the one door."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from temporalio.service import RPCError

from api.problems import Problem
from api.reading import Reading
from api.security import Caller, requires
from api.start import POLL_FIRST_S, Clients
from mmo.approvals import document_store
from mmo.approvals import postgres as approvals
from mmo.approvals.awaited import Choice
from mmo.approvals.closeness import Closeness, closeness
from mmo.approvals.documents import write
from mmo.approvals.objections import Objection, objection
from mmo.approvals.postgres import Approval as Waiting
from mmo.audit.postgres import AuditLog
from mmo.audit.record import Record
from mmo.bep.verdict import Approval, Ask, unmet
from mmo.changes.support import rows
from mmo.keys.ports import KeyStore
from mmo.movements.support.commands import Commands
from mmo.tenancy.scope import scoped
from workflows.support.signals import DECIDE

SHOWN_LOOKS_MAX = 40
MayDecide = Annotated[Caller, Depends(requires("approvals:decide"))]


def identifier(text: str) -> UUID:
    """The id in a path. Raises Problem approval_not_found for what is no canonical UUID."""
    try:
        parsed = UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text:
        raise Problem("approval_not_found")
    return parsed


async def decide(
    request: Request, caller: Caller, approval: UUID, choice: Choice, words: str
) -> None:
    """Check, have it signed, and send it by the one door. Raises Problem."""
    found = await checked(request, caller, approval, choice)
    identifier = uuid4().hex
    signed = await document(request, caller, found, choice, words, identifier)
    async with scoped(request.app.state.pool, caller.tenant.id) as connection:
        await document_store.record(connection, caller.tenant.id, found.id, identifier, signed)
    clients: Clients = request.app.state.clients
    try:
        client = await clients(caller.tenant)
        handle = client.get_workflow_handle(workflow(caller, found))
        await handle.signal(DECIDE, signed)
    except (RPCError, OSError):
        raise Problem("unavailable") from None


async def document(
    request: Request, caller: Caller, found: Waiting, choice: Choice, words: str,
    identifier: str = "",
) -> str:  # fmt: skip
    """The decision as a signed document. It is given only once it is signalled."""
    keys: KeyStore = request.app.state.keys
    return await write(
        keys, caller.tenant.slug, caller.actor, about=found.about, choice=choice, note=words,
        identifier=identifier,
    )  # fmt: skip


async def checked(request: Request, caller: Caller, approval: UUID, choice: Choice) -> Waiting:
    """The approval, if the caller may decide about it now. A refusal is noted in the audit."""
    tenant, actor = caller.tenant.id, caller.actor
    await _shown(request, caller, approval)
    async with scoped(request.app.state.pool, tenant) as connection:
        found = await approvals.find(connection, tenant, approval)
        if found is None:
            raise Problem("approval_not_found")
        roles = await approvals.roles_of(connection, tenant, actor.subject, found.people)
        decided = await approvals.decided_by(connection, tenant, [approval])
        close = await closeness(connection, tenant, actor.subject, found.people, found.event)
    why = objection(choice, actor.people, found.people, roles, found.roles, close)
    problem = None
    if found.state != "open":
        problem = Problem("not_waiting", f"it is {found.state}")
    elif why is not None:
        problem = _problem(why, found, close)
    elif any(one["subject"] == actor.subject for one in decided[approval]):
        problem = Problem("already_decided")
    if problem is not None:
        await _noted(request, caller, found, choice, problem.code)
        raise problem
    return found


def _problem(why: Objection, found: Waiting, close: Closeness) -> Problem:
    """An objection as the API answers it; who may not cancel it learns nothing of it."""
    match why:
        case "not_the_maker":
            return Problem("approval_not_found")
        case "role_missing":
            return Problem(why, f"it asks for {' or '.join(found.roles)}")
        case "too_close":
            return Problem(why, f"you have {close.why[0]}")
        case "maker_may_not":
            return Problem(why)


async def _shown(request: Request, caller: Caller, approval: UUID) -> None:
    """Wait, a moment at most, for what was parked this very instant to be shown."""
    commands: Commands = request.app.state.door.commands
    for _ in range(SHOWN_LOOKS_MAX):
        async with scoped(request.app.state.pool, caller.tenant.id) as connection:
            if await approvals.find(connection, caller.tenant.id, approval):
                return
            change = await rows.find(connection, caller.tenant.id, approval)
        parked = change or await commands.find(caller.tenant.id, approval)
        if parked is None or not parked.state.startswith("pending"):
            return
        await asyncio.sleep(POLL_FIRST_S)


async def _noted(request: Request, caller: Caller, found: Waiting, choice: str, code: str) -> None:
    audit: AuditLog = request.app.state.audit
    await audit.note(
        Record(
            tenant_id=caller.tenant.id,
            actor=caller.actor.subject,
            client=caller.actor.client,
            act=caller.act,
            action=f"approval.{choice}",
            object=f"{found.kind}/{found.id}",
            outcome="refused",
            reason=code,
        )
    )


async def told(
    request: Request, reading: Reading, caller: Caller, approval: UUID, wait_s: float
) -> JSONResponse:
    """Wait until it has ended, or the vote is counted; 202 while it waits for more."""
    deadline = time.monotonic() + wait_s
    commands: Commands = request.app.state.door.commands
    while True:
        async with reading(caller) as connection:
            found = await approvals.find(connection, caller.tenant.id, approval)
            assert found is not None, "approvals are never deleted"
            (told,) = await resources(connection, caller, [found])
        counted = any(one["subject"] == caller.actor.subject for one in told["decisions"])
        still = found.state == "open"
        if not still or time.monotonic() >= deadline or (counted and _lacks(told)):
            row = await commands.find(caller.tenant.id, approval) if not still else None
            position = row.outcome["position"] if row and row.outcome else None
            headers = {"Projection-Position": position} if position else {}
            return JSONResponse(told, 202 if still else 200, headers=headers)
        await asyncio.sleep(POLL_FIRST_S)


def _lacks(told: Mapping[str, Any]) -> bool:
    """Whether others are still needed: then there is nothing to wait for."""
    said = told["decisions"]
    if any(one["choice"] != "approve" for one in said):
        return False
    agreed = [Approval(subject=one["subject"], roles=tuple(one["roles"])) for one in said]
    return bool(unmet([Ask.of(ask) for ask in told["asks"]], agreed))


def workflow(caller: Caller, found: Waiting) -> str:
    """The name of the workflow that waits."""
    kind = found.summary.get("type", "change") if found.kind == "movement" else "change"
    return f"{caller.tenant.slug}/{kind}/{found.id}"


async def resources(
    connection: Any, caller: Caller, found: Sequence[Waiting]
) -> list[dict[str, Any]]:
    """How approvals look, with what has been decided about each."""
    decided = await approvals.decided_by(connection, caller.tenant.id, [one.id for one in found])
    return [
        {
            "id": str(one.id),
            "kind": one.kind,
            "event": one.event,
            "maker": one.maker,
            "asks": one.asks,
            "decisions": decided[one.id],
            "summary": one.summary,
            "state": one.state,
            "opened_at": one.opened_at.isoformat(),
            "expires_at": one.expires_at.isoformat(),
            "links": {"about": f"/v1/{one.kind}s/{one.id}"},
        }
        for one in found
    ]
