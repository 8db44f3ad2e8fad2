"""`mmo logs`: what the processes say."""

from contextlib import suppress
from typing import Annotated

import typer

from workers.cli.support.options import DEFAULT_HOME, HomeOption, home_of
from workers.stack.launch import StackError
from workers.stack.logs import follow, tail

app = typer.Typer()


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="A process; all where left out.")] = None,
    *,
    home: HomeOption = DEFAULT_HOME,
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many at first.")] = 40,
) -> None:
    """Print the last lines of the logs.

    Example: `mmo logs front -f`
    """
    house = home_of(home)
    known = sorted(house.logs.glob("*.log"))
    chosen = [log for log in known if name in (None, log.stem)]
    if not chosen:
        names = ", ".join(log.stem for log in known) or "none yet; start with `mmo up`"
        raise StackError(f"there is no log of {name or 'anything'}; there are: {names}")
    for log in chosen:
        for line in tail(log, lines):
            _print(log.stem, line, alone=name is not None)
    if follow_on:
        with suppress(KeyboardInterrupt):
            for stem, line in follow(chosen):
                _print(stem, line, alone=name is not None)


def _print(name: str, line: str, *, alone: bool) -> None:
    print(line if alone else f"{name:>14} | {line}", flush=True)
