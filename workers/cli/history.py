"""`mmo history`: show a movement's workflow history, or fold it into the movement."""

import json as json_module
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer
from temporalio.client import WorkflowHistory

from mmo.histories.compare import differences
from mmo.histories.fold import Folded, UnreadableHistoryError, fold
from mmo.histories.history import timeline_of
from workers.cli.support.asking import Operator, SinceOption, TenantOption, ask, moment
from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    print_json,
)
from workers.replaying import UNREADABLE, Histories
from workers.stack.launch import StackError

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="Look into workflow histories, kept or running.")
app.add_typer(group, name="history")


@group.command()
def show(
    movement: Annotated[UUID, typer.Argument(help="A movement's id.")],
    *,
    home: HomeOption = DEFAULT_HOME,
    tenant: TenantOption = "demo",
    json: JsonOption = False,
) -> None:
    """Show a history event by event; with --json, whole, as Temporal writes it.

    Example: `mmo history show 01a20d90-aad9-74da-86e7-b88028f797b9`
    """
    history, source = ask(home, tenant, lambda operator: _find(operator, movement))
    if json:
        print_json(json_module.loads(history.to_json()))
        return
    console.print(f"{history.workflow_id} ({len(history.events)} events, from the {source})")
    for line in timeline_of(history):
        console.print(f"  {line['event_id']:>4}  {line['at']}  {line['title']}", markup=False)


@group.command(name="fold")
def fold_command(
    movement: Annotated[UUID | None, typer.Argument(help="A movement's id.")] = None,
    *,
    all_since: SinceOption = None,
    home: HomeOption = DEFAULT_HOME,
    tenant: TenantOption = "demo",
    json: JsonOption = False,
) -> None:
    """Derive a movement from its history alone; with --all-since, compare with the books.

    Example: `mmo history fold --all-since 1h`
    """
    if (movement is None) == (all_since is None):
        raise typer.BadParameter("name a movement, or a time with --all-since")
    if movement is not None:
        history, _ = ask(home, tenant, lambda operator: _find(operator, movement))
        folded = asdict(_folded(history))
        if json:
            print_json(folded)
        else:
            for name, value in folded.items():
                console.print(f"  {name:<13} {value}", markup=False)
        return
    compared = ask(home, tenant, lambda operator: _compare(operator, all_since or ""))
    bad = {name: found for name, found in compared.items() if found}
    if json:
        print_json(compared)
    else:
        for name, found in bad.items():
            console.print(f"[red]{name}[/] {'; '.join(found)}")
        equal = len(compared) - len(bad)
        console.print(f"{equal} of {len(compared)} folds equal journal and read model.")
    raise typer.Exit(PROBLEM if bad else 0)


async def _find(operator: Operator, movement: UUID) -> tuple[WorkflowHistory, str]:
    try:
        return await Histories(operator.pool, operator.clients()).find(operator.tenant, movement)
    except UNREADABLE as error:
        raise StackError(str(error)) from None


async def _compare(operator: Operator, since: str) -> dict[str, list[str]]:
    histories = Histories(operator.pool, operator.clients())
    compared: dict[str, list[str]] = {}
    for movement in await histories.movements_since(operator.tenant, moment(since)):
        history, _ = await _find(operator, movement)
        async with operator.pool.connection() as connection:
            compared[str(movement)] = await differences(connection, _folded(history))
    return compared


def _folded(history: WorkflowHistory) -> Folded:
    try:
        return fold(history)
    except UnreadableHistoryError as error:
        raise StackError(str(error)) from None
