"""The supervisor's door: a Unix socket that takes one request a line and answers with one."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from workers.stack.home import Home
from workers.stack.launch import StackError

NAME = "supervisor.sock"
LINE_MAX = 4096
WAIT_S = 100.0
"""How long `ask` waits for an answer: a restart takes at most patience plus readiness."""


class Control:
    """Listens while entered; each request names a process to restart."""

    def __init__(self, home: Home, restart: Callable[[str], Awaitable[str]]) -> None:
        self._home = home
        self._restart = restart
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> None:
        (self._home.run / NAME).unlink(missing_ok=True)
        with _short(self._home) as path:
            self._server = await asyncio.start_unix_server(self._serve, path, limit=LINE_MAX)

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        (self._home.run / NAME).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            answer = {"ok": await self._restart(str(asked["restart"]))}
        except StackError as error:
            answer = {"error": str(error)}
        except (ValueError, KeyError, TypeError):
            answer = {"error": 'ask with one line such as {"restart": "front"}'}
        except TimeoutError:
            answer = {"error": "it was restarted and is not ready yet; see `mmo logs`"}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()


def ask_restart(home: Home, name: str) -> str:
    """Have the running supervisor restart a process; raises StackError with its reason."""
    with _short(home) as path, socket.socket(socket.AF_UNIX) as door:
        door.settimeout(WAIT_S)
        try:
            door.connect(path)
            door.sendall(json.dumps({"restart": name}).encode() + b"\n")
            answer = json.loads(door.makefile().readline())
        except TimeoutError as error:
            raise StackError(f"{name} did not restart within {WAIT_S:.0f} s") from error
        except (OSError, ValueError) as error:
            raise StackError("the supervisor does not answer; see `mmo status`") from error
    if "error" in answer:
        raise StackError(answer["error"])
    return str(answer["ok"])


@contextmanager
def _short(home: Home) -> Generator[str]:
    """A path to the socket that fits into the 107 bytes of a socket address."""
    folder = os.open(home.run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(Path(f"/proc/self/fd/{folder}") / NAME)
    finally:
        os.close(folder)
