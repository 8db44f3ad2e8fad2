"""`mmo tenants`: open, list, suspend and resume the operators of this platform."""

import asyncio
import getpass
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

import psycopg
import typer
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mmo.audit.postgres import append
from mmo.audit.record import Record
from mmo.identity.secret import digest, new_secret
from mmo.settings import Settings
from mmo.tenancy import onboarding
from mmo.tenancy.onboarding import MACHINE, NewTenant
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    home_of,
    print_json,
    print_rows,
)
from workers.stack.launch import StackError
from workers.stack.plan import stack_settings
from workers.wiring import open_pool

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="The operators of this platform.")
app.add_typer(group, name="tenants")

OPEN_WITHIN_S, LOOK_EVERY_S = 90.0, 0.3
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,30}", re.ASCII)
Result = TypeVar("Result")
Pool = AsyncConnectionPool[Any]
SlugArgument = Annotated[str, typer.Argument(help="Short name, such as `savanna`.")]


@group.command()
def create(
    slug: SlugArgument,
    *,
    administrator: Annotated[
        str, typer.Option("--administrator", help="User name of the first administrator.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="The tenant's full name.")] = None,
    currency: Annotated[
        list[str] | None, typer.Option("--currency", help="Once for each; KES unless named.")
    ] = None,
    country: Annotated[str, typer.Option("--country", help="ISO 3166, two letters.")] = "KE",
    timezone: Annotated[str, typer.Option("--timezone", help="IANA name.")] = "Africa/Nairobi",
    super_tenant: Annotated[
        bool, typer.Option("--super", help="Keeps no books; its staff read every operator.")
    ] = False,
    console_url: Annotated[
        str | None, typer.Option("--console-url", help="Where log-in takes people back to.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until it is open.")] = True,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Open a tenant, and print its first administrator's invitation, once.

    Example: `mmo tenants create savanna --administrator amina --currency KES`
    """
    if not _SLUG.fullmatch(slug) or slug == "platform":
        raise StackError("a tenant's short name is a letter, then letters, digits or hyphens")
    if timezone not in available_timezones():
        raise StackError(f"there is no time zone {timezone}: such as Africa/Nairobi")
    code = new_secret()
    new = NewTenant(
        slug=slug, name=name or slug, timezone=timezone, country=country,
        currencies=() if super_tenant else tuple(currency or ["KES"]),
        kind="super" if super_tenant else "operator", administrator=administrator,
        administrator_name=administrator, invitation=digest(code), console=console_url,
    )  # fmt: skip

    async def work(settings: Settings, pool: Pool) -> dict[str, str]:
        async with scoped(pool, MACHINE) as connection:
            if not await onboarding.ask(connection, MACHINE, new, _me()):
                raise StackError(f"there is a tenant {slug} already: `mmo tenants list`")
        state = await _open_within(pool, slug, OPEN_WITHIN_S if wait else 0)
        invitation = f"{settings.issuer}/t/{slug}/enrol?invitation={code}"
        return {"tenant": slug, "state": state, "invitation": invitation}

    told = _ask(home, work)
    if json:
        print_json(told)
        return
    for label, value in told.items():
        console.print(f"{label:<11} {value}")


@group.command(name="list")
def list_(*, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List the tenants by number.

    Example: `mmo tenants list`
    """

    async def work(_: Settings, pool: Pool) -> list[Tenant]:
        return await TenantRegister(pool).all()

    rows = [_told(one) for one in _ask(home, work)]
    print_rows(rows, "tenant", "name", "kind", "state", "country", "currencies", json=json)


@group.command()
def suspend(slug: SlugArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Refuse a tenant's tokens at once, and let its workflows wait.

    Example: `mmo tenants suspend savanna`
    """
    _set_state(home, slug, "active", "suspended")
    console.print(f"{slug} is suspended: only a super-tenant's staff read it")


@group.command()
def resume(slug: SlugArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Let a suspended tenant work again.

    Example: `mmo tenants resume savanna`
    """
    _set_state(home, slug, "suspended", "active")
    console.print(f"{slug} works again")


def _set_state(home: Path, slug: str, before: str, after: str) -> None:
    async def work(_: Settings, pool: Pool) -> None:
        found = await TenantRegister(pool).find(slug)
        if found is None or found.state != before:
            state = "there is none" if found is None else f"it is {found.state}"
            raise StackError(f"{slug} is not {before}: {state}; see `mmo tenants list`")
        async with scoped(pool, found.id) as connection:
            await connection.execute(
                """UPDATE tenancy.tenant SET state = %s, version = version + 1
                    WHERE id = %s AND state = %s""",
                [after, found.id, before],
            )
            verb = "suspended" if after == "suspended" else "resumed"
            await append(connection, _record(found, f"tenant.{verb}"))

    _ask(home, work)


async def _open_within(pool: Pool, slug: str, seconds: float) -> str:
    """The state of the tenant, as soon as it is active or the time is over."""
    register, deadline = TenantRegister(pool), time.monotonic() + seconds
    while True:
        register.forget()
        found = await register.find(slug)
        state = found.state if found else "pending"
        if state == "active" or time.monotonic() > deadline:
            return state
        await asyncio.sleep(LOOK_EVERY_S)


def _ask(home: Path, work: Callable[[Settings, Pool], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        settings = stack_settings(home_of(home).path)
        try:
            async with open_pool(settings) as pool:
                return await work(settings, pool)
        except (psycopg.OperationalError, PoolTimeout):
            raise StackError(
                f"no database answers at {settings.database_host}:{settings.database_port}: "
                "run `mmo up`, or name its home with --home"
            ) from None

    return asyncio.run(run())


def _told(tenant: Tenant) -> dict[str, str]:
    return {
        "tenant": tenant.slug,
        "name": tenant.name,
        "kind": tenant.kind,
        "state": tenant.state,
        "country": tenant.country,
        "currencies": " ".join(tenant.currencies),
    }


def _record(tenant: Tenant, action: str) -> Record:
    return Record(
        tenant_id=tenant.id, actor=_me(), client="mmo", action=action,
        object=f"tenant/{tenant.slug}",
    )  # fmt: skip


def _me() -> str:
    """Whoever works at this machine, for the record."""
    return f"cli/{getpass.getuser()}"
