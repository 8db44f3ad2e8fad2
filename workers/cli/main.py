"""The command line `mmo`: every module of this folder is a command or a group of commands."""

import importlib
import pkgutil
import sys

import typer
from rich.markup import escape

import workers.cli
from workers.cli.support.options import PROBLEM, errors
from workers.stack.launch import StackError


def main() -> None:
    """Run one command; a StackError becomes one line and exit code 1."""
    app = build(sys.argv[1:])
    try:
        app(prog_name="mmo")
    except StackError as error:
        errors.print(f"[bold red]mmo:[/] {escape(str(error))}")
        raise SystemExit(PROBLEM) from None


def build(arguments: list[str]) -> typer.Typer:
    """The application; only the module of the command that is asked for is loaded.

    A module `some_name` offers `mmo some-name` by its `app`, whose commands are all top-level.
    """
    modules = {
        found.name.replace("_", "-"): found.name
        for found in pkgutil.iter_modules(workers.cli.__path__)
        if not found.ispkg and found.name != "main"
    }
    asked = next((word for word in arguments if not word.startswith("-")), "")
    app = typer.Typer(
        help="Mobile money operator: run the stack, move money, look into what happened.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_root)
    for name in [modules[asked]] if asked in modules else sorted(modules.values()):
        app.add_typer(importlib.import_module(f"workers.cli.{name}").app)
    return app


def _root() -> None:
    """Mobile money operator: run the stack, move money, look into what happened."""


if __name__ == "__main__":
    main()
