"""Origin: an activity serves the tenant in whose namespace it was asked for, and no other."""

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.alarms import raise_not_accepted
from mmo.kernel.refusals import NOT_ACCEPTED
from mmo.movements.support.outcome import Request
from mmo.tenancy.tenant import namespace_of


class OriginInterceptor(Interceptor):
    """Refuses what was started in another tenant's namespace, or under another workflow's id.

    Whoever may start workflows in one namespace could name another tenant, or a movement that
    another workflow carries out, in the input.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Origin(next)


class _Origin(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        info = activity.info()
        for argument in input.args:
            if why := objection(argument, info.namespace, info.workflow_id or ""):
                raise_not_accepted(
                    info.namespace, info.workflow_type or "", info.workflow_id or "", why
                )
                raise ApplicationError(why, type=NOT_ACCEPTED, non_retryable=True)
        return await super().execute_activity(input)


def objection(argument: object, namespace: str, workflow_id: str) -> str | None:
    """Why an argument does not belong where it was asked for; None: it does."""
    request = argument if isinstance(argument, Request) else None
    tenant = request.envelope.tenant if request else getattr(argument, "tenant", None)
    if isinstance(tenant, str) and namespace_of(tenant) != namespace:
        return "its tenant has another namespace"
    if request is not None:
        own = f"{tenant}/{request.movement}/{request.envelope.movement}"
        if workflow_id != own:
            return "its movement is carried out by another workflow"
    return None
