"""Serving HTTP in a process that has more to do: the port, the server, and a clean end."""

import asyncio
import gc
import resource
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import uvicorn

from workers.http_connection import BoundedConnection

FILES_MAX = 16384
LET_FINISH_S = 8
"""How long requests under way may take once the process is told to stop."""


def bound(host: str, port: int) -> socket.socket:
    """Take the port, or end the process with one clear line."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SystemExit(f"mmo: cannot listen on {host}:{port}: {error.strerror}") from None
    return listening


async def http(
    app: Any, listening: socket.socket, stop: asyncio.Event, notify: Callable[[], None]
) -> None:
    """Serve the ASGI application on the port until told to stop; `notify` once it is ready."""
    _allow_connections()
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",  # nothing here speaks it, and its connections would have no bounds
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=LET_FINISH_S,
        backlog=2048,
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.02)
    if not serving.done():
        gc.freeze()  # what was loaded stays: no collection has to walk through it again
        notify()
        await asyncio.wait(
            [serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED
        )
    server.should_exit = True
    await serving


def _allow_connections() -> None:
    """Let the process have as many files open as it may: a connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, FILES_MAX)), hard))


class _Server(uvicorn.Server):
    """Leaves the signals to the process, which stops more than this."""

    def capture_signals(self) -> AbstractContextManager[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Capture none."""
        return nullcontext()
