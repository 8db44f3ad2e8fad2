"""The verbs of a money movement: each one is an activity with its timeout and retries."""

from typing import Any

from temporalio import workflow

from activities.movements import MovementActivities
from mmo.movements.support.catalogue import movements
from mmo.movements.support.outcome import Outcome, Request
from mmo.movements.support.ports import Answered
from workflows.support.limits import DATABASE_CALL, UNTIL_IT_WORKS


async def execute(request: Request) -> Outcome:
    """Admit and post. Local, because it is what almost every movement consists of."""
    return await workflow.execute_local_activity_method(
        MovementActivities.execute,
        request,
        activity_id=_name(request),
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary=_event(request),
    )


async def reserve(request: Request) -> Outcome:
    """Admit, and set the debits aside. Local, like execute."""
    return await workflow.execute_local_activity_method(
        MovementActivities.reserve,
        request,
        activity_id=f"{_name(request)}-reserve",
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary=f"set aside for {_event(request)}",
    )


async def settle(request: Request) -> Outcome:
    """Post what was set aside."""
    return await workflow.execute_activity_method(
        MovementActivities.settle,
        request,
        activity_id=f"{_name(request)}-settle",
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary=_event(request),
    )


async def release(request: Request) -> Outcome:
    """Give back what was set aside."""
    return await workflow.execute_activity_method(
        MovementActivities.release,
        request,
        activity_id=f"{_name(request)}-release",
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary=f"give back what was set aside for {_event(request)}",
    )


async def verify_answer(request: Request, document: str) -> Answered | str:
    """Prove an answer's document."""
    arguments: list[Any] = [request, document]
    return await workflow.execute_local_activity_method(
        MovementActivities.verify_answer,
        args=arguments,
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary="verify an answer",
    )


async def find_unread_answers(request: Request) -> list[str]:
    """Find documents that an earlier run of the process may have lost."""
    return await workflow.execute_local_activity_method(
        MovementActivities.unread_answers,
        request,
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary="look for answers that came before",
    )


async def find_recipient(request: Request) -> str | None:
    """Find the wallet that was opened for a voucher's number."""
    return await workflow.execute_local_activity_method(
        MovementActivities.find_recipient,
        request,
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=UNTIL_IT_WORKS,
        summary="look for the recipient's wallet",
    )


def _name(request: Request) -> str:
    """What the history calls the step: a replay notices when steps change places."""
    return f"{request.step}-{_event(request)}"


def _event(request: Request) -> str:
    return movements()[request.movement].step(request.step).event
