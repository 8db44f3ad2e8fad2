"""`mmo doctor`: the effective settings, and every dependency looked at."""

from dataclasses import asdict

import typer
from rich.markup import escape
from rich.table import Table

from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    home_of,
    print_json,
)
from workers.stack.checks import check_all, masked
from workers.stack.plan import stack_settings

app = typer.Typer()

MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "problem": "[red]problem[/]"}


@app.command()
def doctor(*, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Print the settings (secrets masked) and check each dependency. Exit code 1 at a problem.

    Example: `mmo doctor --json | jq '.checks[] | select(.result != "ok")'`
    """
    house = home_of(home)
    settings = masked(stack_settings(house.path))
    checks = list(check_all(house))
    if json:
        print_json({"settings": settings, "checks": [asdict(check) for check in checks]})
    else:
        table = Table(show_header=False, box=None)
        for name, value in settings.items():
            table.add_row(f"MMO_{name.upper()}", escape(value))
        console.print(table)
        for check in checks:
            console.print(
                f"{MARKS[check.result]:>18} [bold]{check.name}[/]: {escape(check.detail)}"
            )
    if any(check.result == "problem" for check in checks):
        raise typer.Exit(PROBLEM)
