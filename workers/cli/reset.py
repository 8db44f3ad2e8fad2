"""`mmo reset`: forget everything."""

from typing import Annotated

import typer

from workers.cli.support.options import DEFAULT_HOME, HomeOption, console, home_of
from workers.stack.launch import StackError
from workers.stack.state import end_orphans, read_state

app = typer.Typer()


@app.command()
def reset(
    *,
    home: HomeOption = DEFAULT_HOME,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase all money, histories, secrets and logs of a stopped stack. Built programs stay.

    Example: `mmo reset --yes`
    """
    house = home_of(home)
    if not (house.path / "VERSION").exists():
        console.print(f"There is nothing in {house.path}.")
        return
    if read_state(house).supervised:
        raise StackError("mmo is running on it: stop it first with `mmo down`")
    if not yes:
        typer.confirm(f"Erase everything in {house.path}?", abort=True)
    end_orphans(read_state(house))
    with house.locked():
        house.erase()
    console.print(f"{house.path} is empty.")
