"""One server for a whole test run, under xdist too: the first starts it, the last stops it."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workers.stack.launch import Launch
from workers.stack.processes import alive, born, end

READY_S = 60
_started: list[subprocess.Popen[bytes]] = []  # kept, so that none is finalised while it runs


def start_server(launch: Launch, log: Path, ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
    """Start a server and wait until it is ready; raises RuntimeError with the end of its log."""
    with log.open("ab") as output:
        process = launch.start(output)
    _started.append(process)
    deadline = time.monotonic() + READY_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"{launch.argv[0]} did not start: {log.read_text()[-2000:]}")
        time.sleep(0.02)
    return process


@contextmanager
def shared(
    folder: Path, name: str, start: Callable[[Path], tuple[int, dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Join the server `name` of this run's folder; `start` makes it: its pid and what to know."""
    state = folder / f"{name}.json"
    with _locked(folder, name):
        known = json.loads(state.read_text()) if state.exists() else None
        if known is None or not alive(known["pid"], known["birth"]):
            home = folder / name
            home.mkdir(exist_ok=True)
            home.chmod(0o755)
            pid, facts = start(home)
            known = {"pid": pid, "birth": born(pid), "facts": facts, "users": []}
        known["users"].append(os.getpid())
        state.write_text(json.dumps(known))
    try:
        yield known["facts"]
    finally:
        with _locked(folder, name):
            known = json.loads(state.read_text())
            known["users"] = [u for u in known["users"] if u != os.getpid() and born(u)]
            state.write_text(json.dumps(known))
            if not known["users"]:
                end(known["pid"], known["birth"], by=signal.SIGINT)
                state.unlink()


@contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
