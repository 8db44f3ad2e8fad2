"""`mmo demo`: move money through the running stack, and tell it."""

import os

import typer

from workers.cli.support.options import DEFAULT_HOME, NOT_RUNNING, HomeOption, home_of
from workers.demo import walk
from workers.stack.plan import remembered_plan
from workers.stack.processes import reaches

app = typer.Typer()


@app.command()
def demo(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Issue e-money, top up, cash in, send, cash out, redeem; then read the balances.

    Exit code 1 when a movement did not come out as it should, 3 when nothing runs.

    Example: `mmo demo`
    """
    plan = remembered_plan(home_of(home))
    if plan is None or not reaches(plan.urls()["api"].removeprefix("http://")):
        raise typer.Exit(NOT_RUNNING)
    os.environ.update(plan.environment("mmo_background"))
    raise typer.Exit(walk.main())
