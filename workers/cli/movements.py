"""`mmo movements` and `mmo movement`: the catalogue, and one movement with its timeline."""

import typer
from rich.table import Table

from mmo.movements.support.catalogue import movements as catalogue
from workers.cli.support.options import (
    JsonOption,
    console,
    print_json,
)
from workflows.support import queues
from workflows.support.catalogue import workflow_of

app = typer.Typer()


@app.command()
def movements(*, json: JsonOption = False) -> None:
    """Show the catalogue: path, scope, command, events, workflow and queue of each movement.

    Example: `mmo movements`
    """
    rows = [
        {
            "movement": one.name,
            "path": f"/v1/movements/{one.name}",
            "scope": one.scope,
            "command": one.command.__name__,
            "events": [one.event_type(step.number) for step in one.steps],
            "workflow": workflow_of(one.name).__name__,
            "queue": queues.MOVEMENTS,
        }
        for one in catalogue().values()
    ]
    if json:
        print_json(rows)
        return
    table = Table("movement", "scope", "command", "workflow", "events", box=None)
    for row in rows:
        events = "\n".join(str(event) for event in row["events"])
        table.add_row(
            str(row["movement"]),
            str(row["scope"]),
            str(row["command"]),
            str(row["workflow"]),
            events,
        )
    console.print(table)
