"""Reconciliations: whether histories, journal and events of a span tell the same."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from activities.reconciliations import Asked
from api.bulk import start
from api.paging import Moment
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from mmo.histories import reconciling
from mmo.histories.reconciling import Reconciliation
from mmo.kernel.identifiers import mint
from mmo.tenancy.scope import scoped
from mmo.trials.parts import SPAN_MAX
from workflows.processes.reconciliation import Reconciliation as Workflow

router = APIRouter(prefix="/books/reconciliations", tags=["books"])

MayReconcile = Annotated[Caller, Depends(requires("books:reconcile"))]
RUNNING_MAX = 5
"""Of one tenant at once."""


class SpanBody(BaseModel):
    """Movements that were accepted in a span, at most 92 days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Annotated[Moment, Field(alias="from")]
    until: Annotated[Moment, Field(alias="to")]


class ReconciliationSchema(BaseModel):
    """A reconciliation, and what came of it."""

    id: UUID
    state: Literal["running", "done", "failed"]
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    result: dict[str, Any] | None = Field(
        description="Counts of what was held against each other, `broken`, and the first breaks."
    )
    made_by: str
    made_at: datetime
    ended_at: datetime | None


@router.post("", status_code=202, summary="Hold histories against the books",
             responses=answers_with(ReconciliationSchema, 202))  # fmt: skip
async def begin(request: Request, body: SpanBody, caller: MayReconcile) -> JSONResponse:
    """Each ended workflow has its journals and each journal its workflow: nothing is changed."""
    if not body.since < body.until <= body.since + SPAN_MAX:
        raise Problem("validation", "a span ends after it begins, within 92 days", status=422)
    identity, tenant = mint(), caller.tenant
    async with scoped(request.app.state.pool, tenant.id) as connection:
        if await reconciling.running(connection, tenant.id) >= RUNNING_MAX:
            raise Problem("reconciliations_running")
        by = caller.actor.subject
        await reconciling.keep(connection, tenant.id, identity, body.since, body.until, by)
        asked = Asked(tenant=tenant.slug, tenant_id=tenant.id, id=str(identity))
        await start(
            request, tenant, Workflow.run, asked, name=f"reconciliation/{identity}",
            summary="hold histories against the books",
        )  # fmt: skip
        found = await reconciling.find(connection, tenant.id, identity)
    assert found is not None
    location = {"Location": f"/v1/books/reconciliations/{identity}"}
    return JSONResponse(resource(found), 202, headers=location)


@router.get("/{reconciliation}", summary="Read a reconciliation",
            responses=answers_with(ReconciliationSchema))  # fmt: skip
async def read(reading: Reading, reconciliation: str, caller: MayReconcile) -> dict[str, Any]:
    """Whether it is done, and what broke."""
    try:
        identity = UUID(reconciliation)
    except ValueError:
        raise Problem("not_found") from None
    async with reading(caller) as connection:
        found = await reconciling.find(connection, caller.tenant.id, identity)
    if found is None or str(identity) != reconciliation:
        raise Problem("not_found")
    return resource(found)


def resource(found: Reconciliation) -> dict[str, Any]:
    """How a reconciliation looks."""
    return {
        "id": str(found.id),
        "state": found.state,
        "from": found.since.isoformat(),
        "to": found.until.isoformat(),
        "result": found.result,
        "made_by": found.made_by,
        "made_at": found.made_at.isoformat(),
        "ended_at": found.ended_at.isoformat() if found.ended_at else None,
    }
