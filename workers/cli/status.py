"""`mmo status`: what runs, where, and how it is."""

import typer
from rich.markup import escape
from rich.table import Table

from workers.cli.support.options import (
    DEFAULT_HOME,
    NOT_RUNNING,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    home_of,
    print_json,
    print_urls,
)
from workers.stack.state import StackState, read_state

app = typer.Typer()

COLUMNS = ("name", "pid", "health", "restarts", "started_at", "metrics", "log")


@app.command()
def status(*, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Show every process, its health, and the addresses. Exit code 3 when nothing runs.

    Example: `mmo status --json | jq -r .urls.api`
    """
    state = read_state(home_of(home))
    word = describe(state)
    rows = [{column: getattr(one, column) for column in COLUMNS} for one in state.processes]
    if json:
        about = {"state": word, "error": state.error, "urls": state.urls, "processes": rows}
        print_json(about | {"temporal_authorizer": _authorizes(state)})
    else:
        _print(word, state)
    raise typer.Exit(exit_code(word))


def describe(state: StackState) -> str:
    """The stack's state in one word: ready, degraded, starting, stopping, orphaned or stopped."""
    if not state.supervised:
        return "orphaned" if state.living() else "stopped"
    well = all(one.health in ("ready", "done") for one in state.processes)
    return "degraded" if state.state == "ready" and not well else state.state


def exit_code(word: str) -> int:
    """The exit code that says the same to a program."""
    return {"ready": 0, "stopped": NOT_RUNNING}.get(word, PROBLEM)


def _authorizes(state: StackState) -> bool:
    """Whether Temporal asks for permits: the real server of ours does, the dev server cannot."""
    return any(one.name == "temporal-ui" for one in state.processes)


def _print(word: str, state: StackState) -> None:
    console.print(f"mmo is [bold]{word}[/]. {escape(state.error)}")
    if word == "orphaned":
        console.print("Its supervisor was killed: `mmo up` recovers, `mmo down` ends what is left.")
    if word == "stopped":
        return
    print_urls(state.urls)
    if not _authorizes(state):
        console.print(
            "Temporal has no authorizer here: whoever reaches its port may start and end workflows."
        )
    shown = [column for column in COLUMNS if column != "log"]
    table = Table(*shown, box=None)
    for one in state.processes:
        table.add_row(*(str(getattr(one, column) or "-") for column in shown))
    console.print(table)
