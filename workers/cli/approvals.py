"""`mmo approvals`: what waits for a role of yours, and deciding about it."""

from collections.abc import Callable
from typing import Annotated, Any

import httpx
import typer

from workers.cli.support.calling import TenantOption, TokenOption, answered, client
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_rows,
)

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="What waits for approval, and deciding about it.")
app.add_typer(group, name="approvals")

AsOption = Annotated[str, typer.Option("--as", help="Who decides: checker, or another program.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The movement's or change's id.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why; it is kept with the decision.")]


@group.command(name="list")
def list_(
    *,
    who: AsOption = "checker",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """List what you may decide: not your own, and not what you have decided.

    Example: `mmo approvals list --as checker`
    """
    with client(who, tenant, bearer, home) as api:
        items = answered(api.get("/v1/approvals", params={"limit": 200}))["items"]
    rows = [
        {
            "id": one["id"],
            "event": one["event"],
            "amount": _amount(one["summary"]),
            "maker": one["maker"],
            "asks": "; ".join(
                f"{ask['people']} of {'|'.join(ask['roles'])}" for ask in one["asks"]
            ),
            "until": one["expires_at"][:16],
        }
        for one in items
    ]
    print_rows(rows, "approval", "event", "amount", "maker", "asks", "until", json=json)


@group.command()
def approve(
    *,
    identifier: IdArgument,
    note: NoteOption = "",
    who: AsOption = "checker",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Agree; what was set aside is posted once everybody asked has.

    Example: `mmo approvals approve 0193… --as checker`
    """
    _decide(identifier, "approve", note, lambda: client(who, tenant, bearer, home))


@group.command()
def reject(
    *,
    identifier: IdArgument,
    note: NoteOption = "",
    who: AsOption = "checker",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Decline; what was set aside is given back.

    Example: `mmo approvals reject 0193… --note "not this month"`
    """
    _decide(identifier, "reject", note, lambda: client(who, tenant, bearer, home))


@group.command()
def sign(
    *,
    identifier: IdArgument,
    decline: Annotated[bool, typer.Option("--reject", help="Decline instead of agreeing.")] = False,
    note: NoteOption = "",
    who: AsOption = "checker",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print a signed decision for the signal `decide`, as Temporal's own tools send it.

    It is good for minutes. In the dialog of Temporal UI the input is the document in quotes.

    Example: `temporal workflow signal -n mmo-demo -w demo/p2p-transfer/0193… --name decide
    --input "$(mmo approvals sign 0193…)"`
    """
    body = {"decision": "reject" if decline else "approve", "note": note}
    with client(who, tenant, bearer, home) as api:
        told = answered(api.post(f"/v1/approvals/{identifier}/documents", json=body))
    print(f'"{told["document"]}"')


def _decide(identifier: str, decision: str, note: str, calling: Callable[[], httpx.Client]) -> None:
    body = {"decision": decision, "note": note}
    with calling() as api:
        told = answered(
            api.post(
                f"/v1/approvals/{identifier}/decisions", json=body, headers={"Prefer": "wait=20"}
            )
        )
    console.print(f"{told['kind']} {told['id']}: {told['state']}")


def _amount(summary: dict[str, Any]) -> str:
    amount = summary.get("amount")
    return f"{amount['currency']} {amount['value']}" if amount else ""
