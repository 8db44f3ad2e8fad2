"""`mmo temporal-server`: build the real Temporal server and its UI, once."""

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from workers.cli.support.options import DEFAULT_HOME, HomeOption, console, home_of
from workers.stack.build import PROGRAMS, build

app = typer.Typer()


@app.command()
def temporal_server(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Build Temporal's server, its SQL tool and its UI into HOME/bin from the Go module proxy.

    Some minutes, once; then `mmo up --temporal postgres` runs them.

    Example: `mmo temporal-server && mmo up --temporal postgres`
    """
    columns = (
        TextColumn("{task.description:>18}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} packages"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks = {one.name: bars.add_task(one.name, total=None, start=False) for one in PROGRAMS}

        def show(name: str, seen: int, total: int) -> None:
            task = tasks[name]
            bars.start_task(task)
            bars.update(task, completed=seen, total=total or None)
            if total and seen == total:
                bars.stop_task(task)

        built = build(home_of(home), show)
    for path in built:
        console.print(f"{path} ({path.stat().st_size // 2**20} MB)")
