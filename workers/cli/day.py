"""`mmo day`: cut the open day off, and read what days came to."""

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.cli.support.calling import (
    AsOption,
    TenantOption,
    TokenOption,
    answered,
    client,
    downloaded,
)
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
    print_rows,
)
from workers.stack.launch import StackError

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="The day of the books.")
app.add_typer(group, name="day")

LOOK_S = 0.5
DayArgument = Annotated[str, typer.Argument(metavar="DATE", help="Such as 2026-11-27.")]


class Format(StrEnum):
    """How a report is written."""

    JSON, CSV, PDF = "json", "csv", "pdf"


@group.command()
def close(
    *,
    wait: Annotated[bool, typer.Option(help="Wait until the day is closed.")] = True,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Cut the open day off, and have it closed. Money moves on, dated on the next day.

    Example: `mmo day close`
    """
    with client(who, tenant, bearer, home) as api:
        day = answered(api.post("/v1/books/days"))
        while wait and day["state"] != "closed":
            time.sleep(LOOK_S)
            day = answered(api.get(f"/v1/books/days/{day['date']}"))
    if json:
        print_json(day)
        return
    console.print(f"{day['date']} is {day['state']}; {day['next']} is open. {day['hash'] or ''}")


@group.command(name="list")
def list_(
    *,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """List the days that were cut off, the newest first.

    Example: `mmo day list`
    """
    with client(who, tenant, bearer, home) as api:
        found = answered(api.get("/v1/books/days", params={"limit": 50}))
    rows = [
        {"date": day["date"], "state": day["state"], "journals": day["journals"],
         "by": day["cut_off_by"], "hash": (day["hash"] or "")[:16]}
        for day in found["items"]
    ]  # fmt: skip
    print_rows(rows, "day", "state", "journals", "cut off by", "hash", json=json)
    if not json:
        console.print(f"{found['open']} is open")


@group.command()
def balance(
    day: DayArgument,
    *,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show the trial balance of a day, book by book.

    Example: `mmo day balance 2026-11-27`
    """
    with client(who, tenant, bearer, home) as api:
        found = answered(api.get(f"/v1/books/days/{day}/trial-balance"))
    if json:
        print_json(found)
        return
    for book in found["books"]:
        _print(book)


@group.command()
def report(
    day: DayArgument,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Such as fee-return, or trial-balance.")
    ] = "",
    *,
    written: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.JSON,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write it to.", dir_okay=False)
    ] = None,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write a report of a day; without a name, list those that there are.

    Example: `mmo day report 2026-11-27 fee-return --format pdf --output fees.pdf`
    """
    where = f"/v1/books/days/{day}"
    with client(who, tenant, bearer, home) as api:
        if not name:
            print_rows(
                answered(api.get(f"{where}/reports"))["items"], "report", "title", json=False
            )
            return
        suffix = "" if written is Format.JSON else f".{written.value}"
        path = name if name == "trial-balance" else f"reports/{name}"
        content = downloaded(api.get(f"{where}/{path}{suffix}"))
    if output is not None:
        output.write_bytes(content)
    elif written is Format.PDF:
        raise StackError("a PDF goes into a file: say --output")
    else:
        sys.stdout.write(content.decode())


def _print(book: dict[str, Any]) -> None:
    heads = ("gl", "code", "opening", "debits", "credits", "closing")
    rows = [{head: line[head] or "" for head in heads} for line in book["lines"]]
    console.print(f"book {book['book']}, {book['currency']}")
    print_rows(rows, *heads, json=False)
    console.print(f"debits {book['debits']}, credits {book['credits']}\n")
