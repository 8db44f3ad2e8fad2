"""`mmo mend`: make a movement go on whose process does not."""

from typing import Annotated

import typer

from workers.cli.support.calling import AsOption, TenantOption, TokenOption, answered, client
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
)

app = typer.Typer()

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The movement's id.")]


@app.command()
def mend(
    movement: IdArgument,
    *,
    who: AsOption = "operator",
    tenant: TenantOption = "demo",
    bearer: TokenOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Make a movement go on: reset its workflow, or begin it anew from its rows.

    Example: `mmo mend 01a20d90-aad9-74da-86e7-b88028f797b9`
    """
    with client(who, tenant, bearer, home) as api:
        done = answered(api.post(f"/v1/operations/stuck/{movement}/mend"))
    if json:
        print_json(done)
    else:
        console.print(done["done"], markup=False)
