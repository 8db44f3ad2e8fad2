"""`mmo reconcile`: hold workflow histories, journal and events of a span against each other."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from workers.cli.support.asking import moment
from workers.cli.support.calling import AsOption, TenantOption, TokenOption, answered, client
from workers.cli.support.options import (
    DEFAULT_HOME,
    PROBLEM,
    HomeOption,
    JsonOption,
    console,
    print_json,
)
from workers.stack.launch import StackError

app = typer.Typer()

LOOK_S = 0.5


@app.command()
def reconcile(
    *,
    since: Annotated[str, typer.Option("--from", help="Since: 90s, 15m, 1h, 7d or a date.")],
    until: Annotated[str | None, typer.Option("--to", help="Until; else now.")] = None,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Hold histories, journal and events against each other. Exit code 1 when something breaks.

    Example: `mmo reconcile --from 1h`
    """
    span = {
        "from": moment(since).isoformat(),
        "to": (moment(until) if until else datetime.now(UTC)).isoformat(),
    }
    with client(who, tenant, bearer, home) as api:
        found = answered(api.post("/v1/books/reconciliations", json=span))
        while found["state"] == "running":
            time.sleep(LOOK_S)
            found = answered(api.get(f"/v1/books/reconciliations/{found['id']}"))
    if found["state"] != "done":
        raise StackError("the reconciliation failed; see `mmo logs background`")
    _print(found, json=json)
    raise typer.Exit(PROBLEM if found["result"]["broken"] else 0)


def _print(found: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(found)
        return
    result = found["result"]
    for one in result["breaks"]:
        console.print(f"{one['movement']}: {one['what']}", markup=False)
    console.print(
        f"{result['histories']} histories, {result['journals']} journals, {result['events']}"
        f" events; {result['open']} movements are open; {result['broken']} breaks"
    )
