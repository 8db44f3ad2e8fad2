"""What a process measures, for Prometheus: `/metrics` on a port of its own, in every role.

The port is for scrapers and has no log-in: it listens on the loopback address, or where only they
can reach it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mmo.settings import Settings
from workers.http import bound, http

PATH = "/metrics"

Message = MutableMapping[str, Any]
Measure = Callable[[], Awaitable[None]]

_measures: list[Measure] = []
_log = structlog.get_logger()


def measure_when_scraped(measure: Measure) -> None:
    """Have this done before each answer: for what is looked up and not counted along."""
    _measures.append(measure)


@asynccontextmanager
async def scrapeable(settings: Settings) -> AsyncGenerator[None]:
    """Serve while the block runs, where the settings name a port.

    A port that is taken costs the measurements and never the process.
    """
    if settings.metrics_port is None:
        yield
        return
    try:
        listening = bound(settings.metrics_host, settings.metrics_port)
    except SystemExit as error:
        _log.warning("metrics.no_port", error=str(error))
        yield
        return
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(http(answer, listening, stop, ready.set))
    serving.add_done_callback(lambda _: ready.set())
    await ready.wait()
    try:
        yield
    finally:
        stop.set()
        await serving


async def answer(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],  # noqa: ARG001 - of ASGI
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """The ASGI application: one path, read only."""
    if scope["type"] != "http":
        raise ValueError(scope["type"])  # no lifespan and no sockets: the server goes on without
    status, body = 404, b""
    if scope["path"] == PATH:
        reads = scope["method"] in ("GET", "HEAD")
        status, body = (200, await _measured()) if reads else (405, b"")
    headers = [(b"content-type", CONTENT_TYPE_LATEST.encode()),
               (b"content-length", str(len(body)).encode())]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _measured() -> bytes:
    for measure in _measures:
        try:
            await measure()
        except Exception as error:  # noqa: BLE001 - what is counted is told all the same
            _log.warning("metrics.not_measured", error=repr(error))
    return generate_latest()
