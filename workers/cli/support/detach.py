"""Start the stack in the background and wait until it is ready."""

import subprocess
import sys
import time
from pathlib import Path

from workers.cli.support.options import console, print_urls
from workers.stack.home import Home
from workers.stack.launch import Launch, StackError
from workers.stack.logs import cause
from workers.stack.state import StackState, read_state

READY_S = 120.0
POLL_S = 0.1


def start_detached(home: Home, arguments: list[str]) -> None:
    """Run the same command without `--detach` in the background until its stack is ready.

    Raises StackError with what it said where it ends before.
    """
    words = [word for word in arguments if word != "--detach"]
    command = (sys.executable, "-m", "workers.cli.main", *words, "--no-demo")
    log = home.log("supervisor")
    with log.open("ab") as output:
        since = output.tell()
        process = Launch(argv=command, environment={"COLUMNS": "200"}).start(output)
    deadline = time.monotonic() + READY_S
    with console.status("starting …") as status:
        while True:
            state = read_state(home)
            mine = state.pid == process.pid
            if mine and state.state == "ready":
                break
            if mine:
                status.update(f"starting … {_progress(state)}")
            _check(process, deadline, log, since)
            time.sleep(POLL_S)
    print_urls(state.urls)
    process.returncode = 0  # it goes on without us


def _check(process: subprocess.Popen[bytes], deadline: float, log: Path, since: int) -> None:
    if process.poll() is not None:
        raise StackError(cause(log, since).removeprefix("mmo: "))
    if time.monotonic() > deadline:
        process.terminate()
        raise StackError(f"it was not ready after {READY_S:.0f} s; see `mmo logs supervisor`")


def _progress(state: StackState) -> str:
    return ", ".join(f"{one.name} {one.health}" for one in state.processes)
