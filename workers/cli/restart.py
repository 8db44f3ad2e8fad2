"""`mmo restart`: end one process, start it anew, and wait until it is ready."""

from typing import Annotated

import typer

from workers.cli.support.options import (
    DEFAULT_HOME,
    NOT_RUNNING,
    HomeOption,
    console,
    errors,
    home_of,
)
from workers.stack.control import ask_restart
from workers.stack.state import read_state

app = typer.Typer()


@app.command()
def restart(
    role: Annotated[str, typer.Argument(help="Name of a process, as `mmo status` shows it.")],
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Roll one process: what it has begun is finished, what was accepted is kept.

    Example: `mmo restart front`
    """
    house = home_of(home)
    if not read_state(house).supervised:
        errors.print("mmo is not running; start it with `mmo up`.")
        raise typer.Exit(NOT_RUNNING)
    with console.status(f"restarting {role} …"):
        answer = ask_restart(house, role)
    console.print(f"{answer}.")
