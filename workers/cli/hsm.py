"""`mmo hsm`: the token that holds the keys."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.table import Table

from mmo.keys.probe import Probed, probe
from mmo.keys.token import Stored, Token
from mmo.settings import Settings
from workers.cli.support.keys import asked_of_store
from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    home_of,
    print_json,
)
from workers.hsm import HSM_ERRORS, prepare
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings
from workers.wiring import hsm_module

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="The token (HSM) that holds the keys.")
app.add_typer(group, name="hsm")

Result = TypeVar("Result")


@group.command()
def init(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Initialise SoftHSM's token with random PINs, where there is none; `mmo up` does it too.

    Example: `mmo hsm init`
    """
    settings = _settings(home)
    new = _tell(prepare, settings)
    said = "is new" if new else "is there and takes the PIN"
    console.print(f"The token {settings.hsm_token} in {settings.hsm} {said}.")


@group.command(name="probe")
def probe_(*, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Run each mechanism that mmo needs. Exit code 1 where one does not work.

    A wrong PIN is tried once: a real HSM locks after a few.

    Example: `MMO_PKCS11_MODULE=/opt/vendor/libpkcs11.so mmo hsm probe`
    """
    probed: list[Probed] = _on_token(home, probe)
    if json:
        print_json([asdict(one) for one in probed])
    else:
        table = Table("mechanism", "needed for", "works", "", box=None)
        for one in probed:
            table.add_row(
                one.mechanism, one.needed_for, "yes" if one.works else "[red]no[/]", one.detail
            )
        console.print(table)
    raise typer.Exit(0 if all(one.works for one in probed) else PROBLEM)


@group.command(name="list")
def list_(*, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Show every key in the token, by its label.

    Example: `mmo hsm list`
    """
    stored: list[Stored] = _on_token(home, lambda token: token.stored())
    if json:
        print_json([{"id": one.id.hex(), "label": one.label, "kind": one.kind} for one in stored])
        return
    table = Table("label", "kind", "CKA_ID", box=None)
    for one in stored:
        table.add_row(one.label, one.kind, one.id.hex())
    console.print(table)


@group.command()
def reconcile(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Destroy keys that a crash left in the token without a row in the register.

    Example: `mmo hsm reconcile`
    """
    orphans = asked_of_store(home, lambda store: store.administration.reconcile())
    console.print(f"{len(orphans)} keys without a row were destroyed.")


def _settings(home: Path) -> Settings:
    settings = stack_settings(home_of(home).path)
    return settings.model_copy(update={"home": home_of(home).path})


def _on_token(home: Path, work: Callable[[Token], Result]) -> Result:
    async def run(settings: Settings) -> Result:
        module = hsm_module(settings)
        try:
            await module.open()
            return await module.run(work, repeats=0)
        finally:
            await module.close()

    return _tell(run, _settings(home))


def _tell(work: Callable[[Settings], Coroutine[Any, Any, Result]], settings: Settings) -> Result:
    try:
        return asyncio.run(work(settings))
    except HSM_ERRORS as error:
        raise StackError(str(error)) from None
