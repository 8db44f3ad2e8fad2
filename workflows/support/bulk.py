"""The verbs of long work over many records: short steps, and parts with signs of life."""

from typing import Any

from temporalio import workflow

from workflows.support.limits import A_FEW_TIMES, BULK_BEAT, BULK_STEP, DATABASE_CALL


async def step(door: Any, argument: Any, summary: str) -> Any:
    """A short step beside the work: looking what there is, keeping what came of it."""
    return await workflow.execute_activity_method(
        door,
        argument,
        start_to_close_timeout=DATABASE_CALL,
        retry_policy=A_FEW_TIMES,
        summary=summary,
    )


async def part(door: Any, argument: Any, summary: str) -> Any:
    """A part of the work; where its worker dies it is begun again."""
    return await workflow.execute_activity_method(
        door,
        argument,
        start_to_close_timeout=BULK_STEP,
        heartbeat_timeout=BULK_BEAT,
        retry_policy=A_FEW_TIMES,
        summary=summary,
    )
