"""`mmo clients`: programs that may ask for a tenant's tokens."""

import getpass
from pathlib import Path
from typing import Annotated

import typer
from psycopg.errors import UniqueViolation

from api.scopes import scopes
from mmo.identity import clients
from mmo.identity.clients import CLIENT, GRANTS
from mmo.tenancy.scope import scoped
from workers.cli.support.asking import Operator, TenantOption, ask
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_rows,
)
from workers.stack.launch import StackError

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="Programs that may ask for a tenant's tokens.")
app.add_typer(group, name="clients")

ROWS_MAX = 1000


@group.command()
def create(
    *,
    identifier: Annotated[str, typer.Option("--id", help="Its name in every request.")],
    scope: Annotated[list[str], typer.Option("--scope", help="What it may do; several times.")],
    name: Annotated[str | None, typer.Option("--name", help="For people.")] = None,
    grant: Annotated[list[str] | None, typer.Option("--grant", help="Several times.")] = None,
    redirect_uri: Annotated[list[str] | None, typer.Option("--redirect-uri")] = None,
    public: Annotated[bool, typer.Option("--public", help="It cannot keep a secret.")] = False,
    trusted_channel: Annotated[
        bool, typer.Option("--trusted-channel", help="Ours: it may send PINs.")
    ] = False,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="It holds this as itself; several times.")
    ] = None,
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", help="Write the secret there, not here.")
    ] = None,
    tenant: TenantOption = "demo",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Create a client, and print its secret, once.

    Example: `mmo clients create --id payroll --scope movements:read`
    """
    grants = grant or [CLIENT]
    for named, known in ((scope, scopes()), (grants, GRANTS)):
        unknown = sorted(set(named) - set(known))
        if unknown:
            raise StackError(f"there is no {unknown[0]}; there are {', '.join(sorted(known))}")

    async def made(operator: Operator) -> str | None:
        async with scoped(operator.pool, operator.tenant.id) as connection:
            return await clients.create(
                connection, operator.tenant.id, identifier, name=name or identifier,
                kind="public" if public else "confidential", grants=grants, scopes=scope,
                created_by=f"cli/{getpass.getuser()}", redirect_uris=redirect_uri or [],
                trusted_channel=trusted_channel, roles=role or (),
            )  # fmt: skip

    try:
        secret = ask(home, tenant, made)
    except UniqueViolation:
        raise StackError(f"{identifier} is there already: `mmo clients list`") from None
    if secret is None:
        console.print(f"{identifier} is a public client: it has no secret")
    elif secret_file is not None:
        secret_file.touch(mode=0o600)
        secret_file.write_text(secret)
        console.print(f"the secret is in {secret_file}")
    else:
        print(secret)


@group.command(name="list")
def list_(
    *, tenant: TenantOption = "demo", home: HomeOption = DEFAULT_HOME, json: JsonOption = False
) -> None:
    """List clients, at most a thousand; secrets are not kept and cannot be shown.

    Example: `mmo clients list --tenant demo`
    """

    async def read(operator: Operator) -> list[dict[str, str]]:
        async with scoped(operator.pool, operator.tenant.id) as connection:
            found = await clients.listed(connection, operator.tenant.id, None, ROWS_MAX)
        return [
            {"id": one.id, "kind": one.kind, "state": one.state, "grants": " ".join(one.grants),
             "scopes": " ".join(one.scopes)}
            for one in found
        ]  # fmt: skip

    rows = ask(home, tenant, read)
    print_rows(rows, "client", "kind", "state", "grants", "scopes", json=json)


@group.command()
def suspend(
    *, identifier: Annotated[str, typer.Option("--id")], tenant: TenantOption = "demo",
    home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Let a client's tokens count no more, from the next request on.

    Example: `mmo clients suspend --id payroll`
    """

    async def done(operator: Operator) -> bool:
        async with scoped(operator.pool, operator.tenant.id) as connection:
            found = await clients.find(connection, operator.tenant.id, identifier)
            return found is not None and await clients.change(
                connection, operator.tenant.id, identifier, found.version, state="suspended",
                scopes=found.scopes,
            )  # fmt: skip

    if not ask(home, tenant, done):
        raise StackError(f"{tenant} has no client {identifier}: `mmo clients list`")
    console.print(f"{identifier} is suspended")
