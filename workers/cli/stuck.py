"""`mmo stuck`: movements whose process does not go on."""

import typer

from workers.cli.support.calling import AsOption, TenantOption, TokenOption, answered, client
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    print_rows,
)

app = typer.Typer()


@app.command()
def stuck(
    *,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """List movements whose workflow was ended by hand, fails, or is overdue.

    Example: `mmo stuck`
    """
    with client(who, tenant, bearer, home) as api:
        found = answered(api.get("/v1/operations/stuck"))["items"]
    rows = [
        {
            "id": one["movement_id"],
            "type": one["type"],
            "reason": one["reason"],
            "detail": one["detail"],
            "since": one["since"][:19],
            "mends": one["mends"],
        }
        for one in found
    ]
    print_rows(rows, json=json)
