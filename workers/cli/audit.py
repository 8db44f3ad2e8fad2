"""`mmo audit`: the seals of audit and journal, verified."""

from dataclasses import asdict
from typing import Annotated

import psycopg
import typer
from rich.table import Table

from mmo.audit.verify import Finding
from mmo.audit.verify import verify as prove
from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    home_of,
    print_json,
)
from workers.seals import keys_of_seals, proving
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="The audit: its seals, and whether they hold.")
app.add_typer(group, name="audit")


@group.command()
def verify(
    *,
    home: HomeOption = DEFAULT_HOME,
    tenant: Annotated[str | None, typer.Option(help="One tenant alone; else all.")] = None,
    json: JsonOption = False,
) -> None:
    """Compute every seal anew and check its signature. Exit code 1 at a bad one; it is named.

    Example: `mmo audit verify --tenant demo`
    """
    settings = stack_settings(home_of(home).path)
    try:
        with psycopg.connect(settings.dsn(), autocommit=True) as connection:
            slugs = _slugs(connection)
            wanted = None if tenant is None else [_number(slugs, tenant)]
            findings = prove(connection, proving(keys_of_seals(connection)), wanted)
    except psycopg.OperationalError:
        where = f"{settings.database_host}:{settings.database_port}"
        raise StackError(f"no database answers at {where}: run `mmo up`") from None
    if json:
        print_json([asdict(one) | {"holds": one.holds} for one in findings])
    else:
        _print(findings, slugs)
    raise typer.Exit(0 if all(one.holds for one in findings) else PROBLEM)


def _slugs(connection: psycopg.Connection[tuple[object, ...]]) -> dict[int, str]:
    rows = connection.execute("SELECT id, slug FROM tenancy.tenant ORDER BY id")
    return {0: "platform"} | {int(str(number)): str(slug) for number, slug in rows.fetchall()}


def _number(slugs: dict[int, str], slug: str) -> int:
    for number, name in slugs.items():
        if name == slug:
            return number
    raise StackError(f"there is no tenant {slug}: name one with --tenant")


def _print(findings: list[Finding], slugs: dict[int, str]) -> None:
    table = Table("", "tenant", "stream", "seals", "rows", "not sealed yet", box=None)
    for one in findings:
        sign = "[green]holds[/]" if one.holds else "[bold red]BROKEN[/]"
        numbers = f"{one.seals:,}", f"{one.rows:,}", f"{one.unsealed:,}"
        table.add_row(sign, slugs.get(one.tenant_id, "?"), one.stream, *numbers)
    console.print(table)
    for one in findings:
        if not one.holds:
            where = f"{slugs.get(one.tenant_id, one.tenant_id)}, {one.stream}"
            console.print(f"{where}: seal {one.broken}: {one.why}", markup=False)
