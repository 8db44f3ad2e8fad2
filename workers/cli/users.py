"""`mmo users`: staff of a tenant, and the roles that two people give them."""

import getpass
from typing import Annotated

import typer
from psycopg.errors import UniqueViolation

from mmo.identity import roles, users
from mmo.identity.users import User
from mmo.kernel.identifiers import mint
from mmo.tenancy.scope import scoped
from workers.cli.support.asking import Operator, TenantOption, ask
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
    print_rows,
)
from workers.stack.launch import StackError

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="Staff of a tenant, and their roles.")
app.add_typer(group, name="users")

ROWS_MAX = 1000
UserOption = Annotated[str, typer.Option("--user", help="User name.")]
RoleOption = Annotated[str, typer.Option("--role", help="Name of the role.")]


@group.command()
def create(
    *,
    username: Annotated[str, typer.Option("--username", help="To log in with.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the person.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="Ask for this role too.")] = None,
    home_of_guest: Annotated[
        str | None, typer.Option("--guest-from", help="`<tenant>/<subject>`: enters from there.")
    ] = None,
    tenant: TenantOption = "demo",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Create a user, and print the address where they choose a password, once.

    Example: `mmo users create --tenant demo --username amina --role clerk`
    """

    async def made(operator: Operator) -> dict[str, str]:
        identifier, tenant_id = mint(), operator.tenant.id
        async with scoped(operator.pool, tenant_id) as connection:
            invitation = await users.create(
                connection, tenant_id, identifier, username=username, name=name or username,
                created_by=_me(), attributes={}, home=home_of_guest,
            )  # fmt: skip
            if role is not None:
                number = await _number(operator, role)
                await users.ask_grant(connection, tenant_id, identifier, number, _me())
        told = {
            "id": str(identifier),
            "username": username,
            "role": f"{role} (pending)" if role else "",
        }
        if home_of_guest is None:
            issuer = f"{operator.settings.issuer}/t/{operator.tenant.slug}"
            told["invitation"] = f"{issuer}/enrol?invitation={invitation}"
        return told

    try:
        told = ask(home, tenant, made)
    except UniqueViolation:
        raise StackError(f"{username} is there already: `mmo users list`") from None
    if json:
        print_json(told)
    else:
        for label, value in told.items():
            console.print(f"{label:<11} {value}")


@group.command()
def activate(
    *,
    user: UserOption,
    role: RoleOption,
    by: Annotated[str, typer.Option("--by", help="Who decides; not whoever asked.")],
    tenant: TenantOption = "demo",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Activate a role that somebody else asked for.

    Example: `mmo users activate --user amina --role clerk --by brian`
    """

    async def done(operator: Operator) -> bool:
        found, number = await _user(operator, user), await _number(operator, role)
        async with scoped(operator.pool, operator.tenant.id) as connection:
            return await users.activate_grant(connection, operator.tenant.id, found.id, number, by)

    if not ask(home, tenant, done):
        raise StackError(
            f"no grant of {role} to {user} waits for {by}: whoever asked cannot decide"
        )
    console.print(f"{user} is {role} now")


@group.command()
def grant(
    *, user: UserOption, role: RoleOption, tenant: TenantOption = "demo",
    home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Ask for a role; it is pending until somebody else activates it.

    Example: `mmo users grant --user amina --role checker`
    """

    async def done(operator: Operator) -> bool:
        found, number = await _user(operator, user), await _number(operator, role)
        async with scoped(operator.pool, operator.tenant.id) as connection:
            return await users.ask_grant(connection, operator.tenant.id, found.id, number, _me())

    console.print(
        "asked; somebody else activates it" if ask(home, tenant, done) else "active already"
    )


@group.command(name="list")
def list_(
    *, tenant: TenantOption = "demo", home: HomeOption = DEFAULT_HOME, json: JsonOption = False
) -> None:
    """List users with their roles, at most a thousand.

    Example: `mmo users list --tenant demo`
    """

    async def read(operator: Operator) -> list[dict[str, str]]:
        async with scoped(operator.pool, operator.tenant.id) as connection:
            found = await users.listed(connection, operator.tenant.id, None, ROWS_MAX)
            return [
                {"username": one.username, "state": one.state,
                 "roles": await _roles(operator, connection, one), "home": one.home or "",
                 "id": str(one.id)}
                for one in found
            ]  # fmt: skip

    rows = ask(home, tenant, read)
    print_rows(rows, "user name", "state", "roles", "guest from", "id", json=json)


async def _roles(operator: Operator, connection: object, user: User) -> str:
    held = await users.grants(connection, operator.tenant.id, user.id)  # pyright: ignore[reportArgumentType]
    return ", ".join(f"{g.role} ({g.state})" for g in held if g.state != "revoked")


async def _user(operator: Operator, username: str) -> User:
    async with scoped(operator.pool, operator.tenant.id) as connection:
        for one in await users.listed(connection, operator.tenant.id, None, ROWS_MAX):
            if one.username == username:
                return one
    raise StackError(f"{operator.tenant.slug} has no user {username}: `mmo users list`")


async def _number(operator: Operator, role: str) -> int:
    async with scoped(operator.pool, operator.tenant.id) as connection:
        known = {one.name: one.id for one in await roles.listed(connection, operator.tenant.id)}
    if role not in known:
        raise StackError(f"{operator.tenant.slug} has the roles {', '.join(known)}, no {role}")
    return known[role]


def _me() -> str:
    """Whoever works at this machine, for the record."""
    return f"cli/{getpass.getuser()}"
