"""A load in a process of its own: callers on kept connections, each with one request at a time.

python -m benchmarks.load < plan.json; the result is JSON too. It speaks just enough HTTP/1.1 to
cost little beside what it measures.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

import uvloop

WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask for. `requests` are taken in turns; `{n}` in a key is a number of its own."""

    port: int
    callers: int
    seconds: float
    requests: list[dict[str, Any]]
    """Each has method, path, headers and body."""


@dataclass(slots=True)
class Result:
    """What came back in the measured time; latencies in milliseconds."""

    count: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    cpu_s: float = 0.0
    warm_up_s: float = WARM_UP_S
    statuses: dict[str, int] = field(default_factory=dict[str, int])


class Connection:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send one request and read its answer; the status."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        length = int(lowered[at : lowered.index(b"\r\n", at)])
        if length:
            await self._reader.readexactly(length)
        return int(head[9:12])


def wire(request: dict[str, Any], host: str) -> bytes:
    """The request as it goes over the wire; `{n}` is filled in later."""
    body = json.dumps(request["body"]).encode() if request.get("body") else b""
    headers = {"Host": host, **request["headers"], "Content-Length": str(len(body))}
    if body:
        headers["Content-Type"] = "application/json"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request['method']} {request['path']} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def run(plan: Plan) -> Result:
    """Keep the callers busy, and count what is answered after the warm-up."""
    wires = [wire(request, f"127.0.0.1:{plan.port}") for request in plan.requests]
    result, latencies = Result(), list[float]()
    numbers, clock = count(), time.perf_counter
    started = clock() + WARM_UP_S
    ends = started + plan.seconds

    async def caller() -> None:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", plan.port))
        while (asked := clock()) < ends:
            number = next(numbers)
            request = wires[number % len(wires)].replace(b"{n}", b"%x" % number)
            status = str(await connection.ask(request))
            now = clock()
            if started <= now < ends:
                latencies.append(now - asked)
                result.statuses[status] = result.statuses.get(status, 0) + 1

    spent = time.process_time()
    await asyncio.gather(*(caller() for _ in range(plan.callers)))
    latencies.sort()
    result.count, result.seconds = len(latencies), plan.seconds
    result.rate = round(len(latencies) / plan.seconds, 1)
    result.p50_ms = round(latencies[len(latencies) // 2] * 1e3, 1)
    result.p99_ms = round(latencies[len(latencies) * 99 // 100] * 1e3, 1)
    result.cpu_s = round(time.process_time() - spent, 3)
    return result


def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(run(plan))), sys.stdout)


if __name__ == "__main__":
    main()
