"""`mmo token`: print a bearer token for one of the demo's people."""

import asyncio
from typing import Annotated

import typer

from mmo.keys.ports import NoKeyError
from workers.cli.support.options import DEFAULT_HOME, HomeOption, home_of
from workers.demo.tokens import tokens
from workers.hsm import HSM_ERRORS
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
    """Print an access token, good for 15 minutes, and nothing else.

    Example: `curl -H "Authorization: Bearer $(mmo token --as alice)" …`
    """
    settings = stack_settings(home_of(home).path)
    try:
        print(asyncio.run(tokens(settings, tenant, as_))[as_])
    except (KeyError, NoKeyError, *HSM_ERRORS) as error:
        raise StackError(
            f"no token for {as_} of {tenant} ({error.args[0]}): name one of the demo's people, "
            "and run `mmo up` once before"
        ) from None
