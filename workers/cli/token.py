"""`mmo token`: print a bearer token of a program, or of one of the demo's people."""

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.support.options import DEFAULT_HOME, HomeOption, home_of
from workers.demo.tokens import NoTokenError, kept_secret, program_token
from workers.demo.tokens import token as token_of
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings

app = typer.Typer()


@app.command()
def token(
    *,
    as_: Annotated[
        str, typer.Option("--as", help="A program of the tenant, or alice, bob, agent-1 …")
    ],
    tenant: Annotated[str, typer.Option(help="Any tenant.")] = "demo",
    secret_file: Annotated[
        Path | None,
        typer.Option(
            "--secret-file", envvar="MMO_CLIENT_SECRET_FILE", exists=True, dir_okay=False,
            help="The program's secret; else it is asked for where the stack does not keep it.",
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Get an access token from the authorization server and print it, and nothing else.

    People's tokens are good for 5 minutes, programs' for 15. The secret of a program that was made
    by `mmo clients create` was shown then, and is kept nowhere: name its file, or type it in.

    Example: `curl -H "Authorization: Bearer $(mmo token --as alice)" …`
    """
    settings = stack_settings(home_of(home).path)
    try:
        if secret_file is None and kept_secret(settings, tenant, as_):
            print(token_of(settings, tenant, as_))
        else:
            print(program_token(settings, tenant, as_, _secret(as_, tenant, secret_file)))
    except NoTokenError as error:
        raise StackError(f"no token for {as_} of {tenant}: {error}; `mmo up` must run") from None


def _secret(client: str, tenant: str, file: Path | None) -> str:
    if file is not None:
        return file.read_text().strip()
    return str(typer.prompt(f"secret of {client} of {tenant}", hide_input=True, err=True))
