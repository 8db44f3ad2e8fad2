"""`mmo tariffs`: what movements cost, and what they would cost by a tariff that is only a file."""

import json as json_module
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mmo.dated.documents import WrongDocumentError
from mmo.kernel.money import AmountError, Money
from mmo.pricing.price import CannotPriceError, Priced, Ticket, price
from mmo.pricing.tariff import EARNERS, Tariff, read
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
group = typer.Typer(no_args_is_help=True, help="What movements cost, and what they would cost.")
app.add_typer(group, name="tariffs")

HEADS = (
    "amount", "payer pays", "receiver gets", "fee", "tax", "levy", *EARNERS, "withheld",
)  # fmt: skip


@group.command(name="list")
def list_(
    *,
    movement: Annotated[str | None, typer.Option("--movement", help="Only of this type.")] = None,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """List the tariffs that have not ended.

    Example: `mmo tariffs list --movement cash-out`
    """
    about = {"movement": movement} if movement else {}
    with client(who, tenant, bearer, home) as api:
        found = answered(api.get("/v1/tariffs", params={"limit": 200, **about}))["items"]
    rows = [
        {
            "id": one["id"],
            "movement": one["movement"],
            "currency": one["currency"],
            "product": one["product"] or "all",
            **_version(one),
        }
        for one in found
    ]
    heads = ("tariff", "movement", "currency", "product", "version", "state", "from", "to", "title")
    print_rows(rows, *heads, json=json)


@group.command()
def show(
    tariff: Annotated[str, typer.Argument(metavar="ID", help="The tariff's id.")],
    *,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show every version of a tariff; with --json its content, too.

    Example: `mmo tariffs show 018f6a3e-0000-7000-8000-000000000000`
    """
    with client(who, tenant, bearer, home) as api:
        found = answered(api.get(f"/v1/tariffs/{tariff}"))
    if json:
        print_json(found)
        return
    rows = [
        {**_version(one), "by": one["made_by"], "decided": one["decided_by"] or ""}
        for one in found["versions"]
    ]
    heads = ("version", "state", "from", "to", "title", "set by", "decided by")
    print_rows(rows, *heads, json=False)


@group.command()
def simulate(
    *,
    file: Annotated[
        Path, typer.Option("--file", exists=True, dir_okay=False, help="JSON: a tariff's content.")
    ],
    amounts: Annotated[str, typer.Option("--amounts", help="Such as 10,100,1000.50")],
    send: Annotated[
        bool, typer.Option("--send", help="The amounts are what leaves the sender in all.")
    ] = False,
    earners: Annotated[
        str, typer.Option("--earners", help="Who of the agent tree is there.")
    ] = "agent,super-agent",
    json: JsonOption = False,
) -> None:
    """Price amounts by a tariff that is only a file. No server is needed.

    Example: `mmo tariffs simulate --file tariff.json --amounts 10,100,1000`
    """
    tariff = _read(file)
    there = frozenset(name.strip() for name in earners.split(",") if name.strip())
    if unknown := sorted(there - set(EARNERS)):
        raise typer.BadParameter(f"there is no role {unknown[0]}; there is {', '.join(EARNERS)}")
    rows = [
        _row(tariff, written.strip(), "send" if send else "receive", there)
        for written in amounts.split(",")
    ]
    print_rows(rows, *HEADS, json=json)


@group.command()
def backtest(
    *,
    file: Annotated[
        Path, typer.Option("--file", exists=True, dir_okay=False, help="JSON: a tariff's content.")
    ],
    movement: Annotated[str, typer.Option("--movement", help="Of this type.")],
    since: Annotated[str, typer.Option("--from", help="Since: 90s, 15m, 1h, 7d or a date.")],
    until: Annotated[str | None, typer.Option("--to", help="Until; else now.")] = None,
    product: Annotated[int | None, typer.Option("--product", help="Of one product.")] = None,
    output: Annotated[Path | None, typer.Option("--csv", help="Where the table goes.")] = None,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Price recorded movements again by a tariff that is only a file. Nothing is changed.

    Example: `mmo tariffs backtest --file tariff.json --movement cash-out --from 7d`
    """
    currency = _read(file).currency
    tried = {
        "movement": movement, "currency": currency, "product": product,
        "content": json_module.loads(file.read_text()),
    }  # fmt: skip
    body = {
        "tariffs": [tried],
        "from": moment(since).isoformat(),
        "to": (moment(until) if until else datetime.now(UTC)).isoformat(),
        "types": [movement],
    }
    with client(who, tenant, bearer, home) as api:
        found = backtested(api, body, output)
    if json:
        print_json(found)
        return
    for line in found["result"]["prices"]:
        _print_prices(line)


def _print_prices(line: dict[str, Any]) -> None:
    def told(minor: int) -> str:
        return Money(minor, line["currency"]).value

    rows = [
        {"part": part, "then": told(minor), "by the tariff": told(line["new"][part])}
        for part, minor in line["old"].items()
    ]
    print_rows(rows, line["movement"], "then", "by the tariff", json=False)
    console.print(
        f"{line['movements']} movements of {line['currency']} {told(line['volume'])}: dearer"
        f" {line['dearer']}, cheaper {line['cheaper']}, without a price now {line['refused_now']};"
        f" {line['refused_then']} more that had none"
    )


def _version(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": one["number"],
        "state": one["state"],
        "from": (one["since"] or "when approved")[:16],
        "to": (one["until"] or "")[:16],
        "title": one["title"],
    }


def _read(file: Path) -> Tariff:
    """The tariff that stands in a file. Raises StackError with every place that is wrong."""
    try:
        return read(json_module.loads(file.read_text()))
    except ValueError as error:
        wrong = error.errors if isinstance(error, WrongDocumentError) else ()
        told = "\n".join(f"  {pointer or '/'}: {what}" for pointer, what in wrong)
        raise StackError(f"{file} is no tariff\n{told}" if told else f"no JSON: {error}") from None


def _row(tariff: Tariff, written: str, amount_type: Any, earners: frozenset[str]) -> dict[str, str]:
    try:
        minor = Money.parse(written, tariff.currency).minor
        ticket = Ticket(amount=minor, amount_type=amount_type, earners=earners)
    except (AmountError, ValueError) as error:
        raise typer.BadParameter(f"{written}: {error}") from None
    try:
        return _columns(tariff.currency, written, price(tariff, ticket))
    except CannotPriceError as error:
        return dict.fromkeys(HEADS, "") | {"amount": written, "payer pays": error.code}


def _columns(currency: str, written: str, priced: Priced) -> dict[str, str]:
    def sums(*symbols: str) -> int:
        return sum(priced.symbols.get(symbol, 0) for symbol in symbols)

    told = {
        "payer pays": sums("A", "F", "X", "T"),
        "receiver gets": sums("A") - sums("M", "XM"),
        "fee": sums("F", "M", "S"),
        "tax": sums("X", "XM", "XS"),
        "levy": sums("T"),
        **{role: sums(earned) for role, (earned, _) in EARNERS.items()},
        "withheld": sums(*(withheld for _, withheld in EARNERS.values())),
    }
    return {"amount": written} | {
        head: Money(minor, currency).value for head, minor in told.items()
    }
