"""`mmo verify`: prove the books."""

from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from mmo.books.verify import INVARIANTS
from mmo.ledger.verify import Check
from mmo.ledger.verify import verify as prove
from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    home_of,
    print_json,
)
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings

app = typer.Typer()


@app.command()
def verify(
    *,
    tenant: Annotated[str, typer.Option(help="Name the violations of this operator alone.")] = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Prove ledger and books. Exit code 1 when an invariant is violated; it names the rows.

    Example: `mmo verify --tenant demo`
    """
    settings = stack_settings(home_of(home).path)
    try:
        with psycopg.connect(settings.dsn()) as connection:
            checks = prove(connection, more=INVARIANTS, tenant=_number(connection, tenant))
    except psycopg.OperationalError:
        where = f"{settings.database_host}:{settings.database_port}"
        raise StackError(f"no database answers at {where}: run `mmo up`") from None
    if json:
        print_json([_row(check) for check in checks])
    else:
        _print(checks)
    raise typer.Exit(0 if all(check.holds for check in checks) else PROBLEM)


def _number(connection: psycopg.Connection[Any], slug: str) -> int | None:
    """The operator's number; None: all of them. Raises BadParameter for one that is not there."""
    if not slug:
        return None
    with connection.transaction():
        row = connection.execute("SELECT id FROM tenancy.tenant WHERE slug = %s", [slug]).fetchone()
    if row is None:
        raise typer.BadParameter(f"there is no operator {slug}: see `mmo tenants list`")
    return row[0]


def _print(checks: list[Check]) -> None:
    table = Table("", "invariant", "checked", "violations", box=None)
    for check in checks:
        sign = "[green]holds[/]" if check.holds else "[bold red]BROKEN[/]"
        numbers = f"{check.checked:,}", f"{check.violations:,}"
        table.add_row(sign, check.invariant.sentence, *numbers)
    console.print(table)
    for check in checks:
        for row in check.rows:
            console.print(f"{check.invariant.name}: {dict(row)}", markup=False)


def _row(check: Check) -> dict[str, object]:
    return {
        "invariant": check.invariant.name,
        "sentence": check.invariant.sentence,
        "checked": check.checked,
        "violations": check.violations,
        "rows": [{name: str(value) for name, value in row.items()} for row in check.rows],
    }
