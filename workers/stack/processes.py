"""Processes by number and time of birth, so that a number given to another is never mistaken."""

import os
import random
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from workers.stack.launch import StackError

POLL_S = 0.02


def born(pid: int) -> int | None:
    """Clock ticks since boot at which the process started; None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def alive(pid: int, birth: int) -> bool:
    """Whether that very process still runs."""
    return born(pid) == birth


def end(pid: int, birth: int, *, by: signal.Signals = signal.SIGTERM, within_s: float = 8) -> None:
    """Ask that very process to end, and kill it when it has not after `within_s` seconds.

    Safe to repeat: a process that is gone is left in peace.
    """
    for sign, patience_s in ((by, within_s), (signal.SIGKILL, 5.0)):
        if not alive(pid, birth):
            break
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        _wait(pid, birth, patience_s)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now.

    From below the range that the system gives to outgoing connections, and small enough for the
    columns in which Temporal keeps its own.
    """
    for _ in range(1000):
        port = random.randint(20000, 32000)  # noqa: S311 - not a secret
        if not is_taken(port):
            return port
    raise StackError("no port between 20000 and 32000 is free")


def is_taken(port: int) -> bool:
    """Whether the loopback address refuses a listener on that port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def listens(port: int) -> bool:
    """Whether somebody listens on that port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def reaches(address: str, within_s: float = 10) -> bool:
    """Whether somebody listens at HOST:PORT, tried for `within_s` seconds."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError), socket.create_connection((host, int(port)), 2):
            return True
        time.sleep(0.2)
    return False


def _wait(pid: int, birth: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while alive(pid, birth) and time.monotonic() < deadline:
        time.sleep(POLL_S)
