"""`mmo token`: print a bearer token for one of the demo's people."""

from typing import Annotated

import typer

from workers.cli.support.options import DEFAULT_HOME, HomeOption, home_of
from workers.demo.tokens import NoTokenError
from workers.demo.tokens import token as token_of
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings

app = typer.Typer()


@app.command()
def token(
    *,
    as_: Annotated[str, typer.Option("--as", help="Who: operator, checker, alice, bob, agent-1 …")],
    tenant: Annotated[str, typer.Option(help="The tenant.")] = "demo",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Get an access token from the authorization server and print it, and nothing else.

    People's tokens are good for 5 minutes, programs' for 15.

    Example: `curl -H "Authorization: Bearer $(mmo token --as alice)" …`
    """
    settings = stack_settings(home_of(home).path)
    try:
        print(token_of(settings, tenant, as_))
    except NoTokenError as error:
        raise StackError(f"no token for {as_} of {tenant}: {error}; `mmo up` must run") from None
