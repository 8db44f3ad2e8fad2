"""`mmo replay`: run recorded movements through the code at hand."""

from typing import Annotated
from uuid import UUID

import typer
from rich.progress import Progress

from workers.cli.support.asking import Operator, SinceOption, TenantOption, ask, moment
from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    print_json,
)
from workers.replaying import Histories, Replayed

app = typer.Typer()


@app.command()
def replay(
    movement: Annotated[UUID | None, typer.Argument(help="A movement's id.")] = None,
    *,
    all_since: SinceOption = None,
    home: HomeOption = DEFAULT_HOME,
    tenant: TenantOption = "demo",
    json: JsonOption = False,
) -> None:
    """Replay histories, and hold what they tell against journal and read model.

    Exit code 1 when one does not replay, or tells something else than the books.

    Example: `mmo replay --all-since 1h`
    """
    if (movement is None) == (all_since is None):
        raise typer.BadParameter("name a movement, or a time with --all-since")
    done = ask(home, tenant, lambda operator: _replay(operator, movement, all_since))
    bad = [one for one in done if one.failure or one.differences]
    if json:
        print_json([_row(one) for one in done])
    else:
        _print(done, bad)
    raise typer.Exit(PROBLEM if bad else 0)


async def _replay(
    operator: Operator, movement: UUID | None, all_since: str | None
) -> list[Replayed]:
    histories = Histories(operator.pool, operator.clients())
    wanted = [movement] if movement else []
    if all_since is not None:
        wanted = await histories.movements_since(operator.tenant, moment(all_since))
    done: list[Replayed] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("replaying", total=len(wanted))
        async for one in histories.replay(operator.tenant, wanted, compare=True):
            done.append(one)
            progress.advance(task)
    return done


def _print(done: list[Replayed], bad: list[Replayed]) -> None:
    for one in bad:
        console.print(f"[red]{one.movement}[/]")
        if one.failure:
            console.print(f"  does not replay: {one.failure}", markup=False)
        for difference in one.differences:
            console.print(f"  differs: {difference}", markup=False)
    replayed = sum(one.failure is None for one in done)
    equal = sum(not one.differences and one.failure is None for one in done)
    archived = sum(one.source == "archive" for one in done)
    console.print(
        f"{replayed} of {len(done)} replayed ({archived} from the archive); "
        f"{equal} folds equal journal and read model."
    )


def _row(one: Replayed) -> dict[str, object]:
    return {
        "movement": one.movement,
        "source": one.source,
        "failure": one.failure,
        "differences": list(one.differences),
    }
