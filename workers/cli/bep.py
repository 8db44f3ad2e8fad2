"""`mmo bep`: the rules there are, and what other rules would have done to recorded movements."""

import json as json_module
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from workers.cli.support.asking import moment
from workers.cli.support.calling import AsOption, TenantOption, TokenOption, answered, client
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
    print_rows,
)
from workers.cli.support.trying import backtested
from workers.stack.launch import StackError

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="Rules, and trying them on recorded movements.")
app.add_typer(group, name="bep")


@group.command()
def rules(
    *,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """List the rules that are not retired.

    Example: `mmo bep rules`
    """
    with client(who, tenant, bearer, home) as api:
        names = [one["name"] for one in answered(api.get("/v1/bep/processors"))["items"]]
        found = [rule for name in names for rule in _rules(api, name)]
    rows = [
        {
            "id": one["id"],
            "processor": one["processor"],
            "event": f"{'pre' if one['isPreEvent'] else 'post'} {one['entity']}.{one['event']}",
            "product": one["productId"] or "all",
            "version": one["version"],
            "state": one["state"],
        }
        for one in found
    ]
    print_rows(rows, "rule", "processor", "event", "product", "version", "state", json=json)


@group.command()
def backtest(
    *,
    file: Annotated[
        Path,
        typer.Option("--rules", exists=True, dir_okay=False, help="JSON: a list of rules, or"
                     " changes of those in force: add, replace, remove."),
    ],
    since: Annotated[str, typer.Option("--from", help="Since: 90s, 15m, 1h, 7d or a date.")],
    until: Annotated[str | None, typer.Option("--to", help="Until; else now.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Only such movements.")] = None,
    output: Annotated[Path | None, typer.Option("--csv", help="Where the table goes.")] = None,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Decide recorded movements again under other rules, and compare. Nothing is changed.

    Example: `mmo bep backtest --rules rules.json --from 7d`
    """
    body = {
        **_written(file),
        "from": moment(since).isoformat(),
        "to": (moment(until) if until else datetime.now(UTC)).isoformat(),
        "types": types or [],
    }
    with client(who, tenant, bearer, home) as api:
        found = backtested(api, body, output)
    if json:
        print_json(found)
        return
    _print(found)


def _rules(api: httpx.Client, processor: str) -> list[dict[str, Any]]:
    return answered(api.get(f"/bep/{processor}", params={"limit": 200}))["items"]


def _written(file: Path) -> dict[str, Any]:
    """Rules, or changes, as they stand in the file. Raises StackError."""
    try:
        written = json_module.loads(file.read_text())
    except ValueError as error:
        raise StackError(f"{file} is no JSON: {error}") from None
    return {"rules": written} if isinstance(written, list) else {"changes": written}


def _print(found: dict[str, Any]) -> None:
    result, effort = found["result"], found["effort"]
    rows = [
        {"old": one["old"], "new": one["new"], "movements": one["movements"], "sums": _sums(one)}
        for one in result["matrix"]
    ]
    print_rows(rows, "old", "new", "movements", "minor units", json=False)
    for reason in result["reasons"]:
        console.print(
            f"{reason['new']}: {reason['movements']} by {reason['processor']}"
            f" {reason['definition']} {reason['code']}"
        )
    check = result["self_check"]
    console.print(
        f"self-check: {check['reproduced']} of {check['checked']} recorded decisions came out again"
    )
    console.print(
        f"{result['decisions']} decisions in {effort['cpu_us'] / 1e6:.1f} s of processor time,"
        f" {effort['decisions_per_cpu_s']} a second"
    )


def _sums(count: dict[str, Any]) -> str:
    return ", ".join(f"{currency} {minor}" for currency, minor in count["sums"].items())
