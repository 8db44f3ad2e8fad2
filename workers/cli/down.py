"""`mmo down`: stop everything in order."""

import os
import signal
import time

import typer

from workers.cli.support.options import DEFAULT_HOME, HomeOption, console, home_of
from workers.stack.launch import StackError
from workers.stack.state import end_orphans, read_state

app = typer.Typer()

PATIENCE_S = 20.0


@app.command()
def down(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Stop the stack; money and histories are kept. Safe to repeat.

    Example: `mmo down`
    """
    house = home_of(home)
    state = read_state(house)
    if state.supervised:
        os.kill(state.pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_S
        while state.supervised:
            if time.monotonic() > deadline:
                raise StackError(f"process {state.pid} has not stopped; see `mmo logs supervisor`")
            time.sleep(0.1)
        console.print("mmo has stopped.")
        return
    left = end_orphans(state)
    console.print(f"ended {', '.join(left)}." if left else "mmo is not running.")
