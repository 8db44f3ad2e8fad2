"""`mmo audit`: the seals of audit and journal, verified."""

import json as json_module
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from mmo.audit.verify import Finding
from mmo.audit.verify import verify as prove
from mmo.settings import Settings
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

KeysOption = Annotated[
    Path | None,
    typer.Option(help="File with the public keys of seals (JWKS); else those of the register."),
]

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="The audit: its seals, and whether they hold.")
app.add_typer(group, name="audit")


@group.command()
def verify(
    *,
    home: HomeOption = DEFAULT_HOME,
    tenant: Annotated[str | None, typer.Option(help="One tenant alone; else all.")] = None,
    keys: KeysOption = None,
    json: JsonOption = False,
) -> None:
    """Compute every seal anew and check its signature. Exit code 1 at a bad one; it is named.

    Whoever can write the database can also write keys into its register: name keys that were kept
    elsewhere where that matters.

    Example: `mmo audit verify --tenant demo --keys seals.json`
    """
    settings = stack_settings(home_of(home).path)
    with _connected(settings) as connection:
        slugs = _slugs(connection)
        wanted = None if tenant is None else [_number(slugs, tenant)]
        trusted = _kept(keys) if keys else keys_of_seals(connection)
        findings = prove(connection, proving(trusted), wanted)
    if json:
        print_json([asdict(one) | {"holds": one.holds} for one in findings])
    else:
        _print(findings, slugs)
    raise typer.Exit(0 if all(one.holds for one in findings) else PROBLEM)


def _kept(file: Path) -> list[Mapping[str, Any]]:
    try:
        return list(json_module.loads(file.read_text())["keys"])
    except (OSError, ValueError, KeyError, TypeError):
        raise StackError(f'{file} is no JWKS: {{"keys": [...]}}') from None


@group.command("keys")
def export_keys(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Print the public keys of seals as a JWKS, to be kept where this database cannot reach.

    Example: `mmo audit keys > seals.json`
    """
    settings = stack_settings(home_of(home).path)
    with _connected(settings) as connection:
        print_json({"keys": keys_of_seals(connection)})


@contextmanager
def _connected(settings: Settings) -> Generator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(settings.dsn(), autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError:
        where = f"{settings.database_host}:{settings.database_port}"
        raise StackError(f"no database answers at {where}: run `mmo up`") from None


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
