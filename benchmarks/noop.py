"""The yardstick: a workflow that does nothing."""

from temporalio import workflow

QUEUE = "bench"
NAME = "NoOp"


@workflow.defn(name=NAME)
class NoOp:
    """Ends with its first task."""

    @workflow.run
    async def run(self, number: str) -> str:
        return number
