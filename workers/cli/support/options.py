"""Options that several commands have, and how they speak."""

import sys
from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.table import Table

from workers.stack.home import Home

PROBLEM, NOT_RUNNING = 1, 3
"""Exit codes, beside 0 for good and 2 for a command that was not understood."""

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="MMO_HOME", help="Data directory of the stack.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]

DEFAULT_HOME = Path(".mmo")

PIPED_WIDTH = 10_000
"""Columns where nobody looks: a program that reads a table wants each row on a line."""


def console_of(stream: TextIO, *, stderr: bool = False) -> Console:
    """A console as wide as the terminal; where there is none, as wide as what it prints."""
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=width)


console = console_of(sys.stdout)
errors = console_of(sys.stderr, stderr=True)


def home_of(path: Path) -> Home:
    """The home at that path, named the same from every folder."""
    return Home(path.absolute())


def print_json(content: object) -> None:
    """Print for a program: one document, no colour."""
    print(dumps(content, indent=2, ensure_ascii=False))


def print_rows(rows: Sequence[Mapping[str, object]], *heads: str, json: bool) -> None:
    """Print rows as a table under these heads, or as JSON for a program."""
    if json:
        print_json(rows)
        return
    table = Table(box=None)
    for number, head in enumerate(heads):
        table.add_column(head, no_wrap=number == 0, overflow="fold")  # nothing is cut short
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


def print_urls(urls: Mapping[str, str]) -> None:
    """Print where a person finds things."""
    table = Table(show_header=False, box=None)
    for name, url in urls.items():
        if url:
            table.add_row(f"[bold]{name.replace('_', ' ')}[/]", url)
    console.print(table)
