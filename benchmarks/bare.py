"""The bare yardstick: no-op workflows from a client and worker of their own, without HTTP.

python -m benchmarks.bare < plan.json; the result is JSON too.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict
from uuid import uuid4

import uvloop
from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner, Worker

from benchmarks.load import WARM_UP_S, Result
from benchmarks.noop import QUEUE, NoOp


async def run(address: str, namespace: str, callers: int, seconds: float) -> Result:
    """Start one no-op after the other, so many at a time, each awaited."""
    client = await Client.connect(address, namespace=namespace)
    latencies, clock = list[float](), time.perf_counter
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[NoOp],
        workflow_runner=UnsandboxedWorkflowRunner(),
        build_id="bench",
        max_concurrent_workflow_tasks=400,
        max_cached_workflows=1000,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(2),
    ):
        started = clock() + WARM_UP_S
        ends = started + seconds

        async def caller() -> None:
            while (asked := clock()) < ends:
                number = uuid4().hex
                await client.execute_workflow(
                    NoOp.run,
                    number,
                    id=f"bare/{number}",
                    task_queue=QUEUE,
                    request_eager_start=True,
                )
                if started <= clock() < ends:
                    latencies.append(clock() - asked)

        spent = time.process_time()
        await asyncio.gather(*(caller() for _ in range(callers)))
        spent = time.process_time() - spent
    latencies.sort()
    return Result(
        count=len(latencies),
        seconds=seconds,
        rate=round(len(latencies) / seconds, 1),
        p50_ms=round(latencies[len(latencies) // 2] * 1e3, 1),
        p99_ms=round(latencies[len(latencies) * 99 // 100] * 1e3, 1),
        cpu_s=round(spent, 3),
        statuses={"201": len(latencies)},
    )


def main() -> None:
    json.dump(asdict(uvloop.run(run(**json.load(sys.stdin)))), sys.stdout)


if __name__ == "__main__":
    main()
