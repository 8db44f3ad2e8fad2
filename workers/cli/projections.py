"""`mmo projections`: how far the read models are, and building them anew."""

import typer
from rich.progress import Progress
from rich.table import Table

from mmo.changes.refold import Refolded, refold_parties, refold_wallets
from mmo.projections.support.position import Lag, lags
from mmo.projections.support.rebuild import Compared
from mmo.projections.support.rebuild import rebuild as build_anew
from workers.cli.support.asking import Operator, ask
from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    print_json,
)

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="The read models: their lag, and their rebuild.")
app.add_typer(group, name="projections")


@group.command()
def lag(*, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Show how far each reader of the feed is behind.

    Example: `mmo projections lag`
    """
    found: list[Lag] = ask(home, "demo", lambda operator: lags(operator.pool))
    if json:
        print_json([{"consumer": x.consumer, "events": x.events, "age_s": x.age_s} for x in found])
        return
    table = Table("reader", "events behind", "oldest (s)", box=None)
    for one in found:
        table.add_row(one.consumer, f"{one.events:,}", f"{one.age_s:.1f}")
    console.print(table)


@group.command()
def rebuild(*, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Build every read model and every aggregate's row anew from events, while the system runs.

    Exit code 1 where a row came out different from what stood there.

    Example: `mmo projections rebuild`
    """
    compared, refolded = ask(home, "demo", _rebuild)
    different = sum(one.differences for one in (*compared, *refolded))
    if json:
        rows = [{"table": c.table, "rows": c.rows, "differences": c.differences} for c in compared]
        rows += [
            {"table": r.aggregate, "rows": r.rows, "differences": r.differences} for r in refolded
        ]
        print_json(rows)
    else:
        _print(compared, refolded)
    raise typer.Exit(PROBLEM if different else 0)


async def _rebuild(operator: Operator) -> tuple[list[Compared], list[Refolded]]:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("folding the feed", total=None)
        compared = await build_anew(
            operator.pool, lambda now, goal: progress.update(task, completed=now, total=goal)
        )
    return compared, [await refold_parties(operator.pool), await refold_wallets(operator.pool)]


def _print(compared: list[Compared], refolded: list[Refolded]) -> None:
    table = Table("rebuilt", "rows", "differences", box=None)
    for one in compared:
        table.add_row(one.table, f"{one.rows:,}", str(one.differences))
    for one in refolded:
        table.add_row(f"{one.aggregate} (refolded)", f"{one.rows:,}", str(one.differences))
    console.print(table)
    for one in compared:
        for example in one.examples:
            console.print(f"{one.table}: {example}", markup=False)
    for one in refolded:
        for example in one.examples:
            console.print(f"{one.aggregate}: {example}", markup=False)
