"""`mmo keys`: the life of the tenants' keys."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from mmo.keys.pkcs11 import Pkcs11KeyStore
from mmo.keys.ports import PLATFORM, PLATFORM_ID, Purpose
from mmo.keys.postgres import KeyRow
from workers.cli.support.keys import asked_of_store
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
)
from workers.stack.launch import StackError

app = typer.Typer()
group = typer.Typer(
    no_args_is_help=True, help="The tenants' keys: which there are, and their life."
)
app.add_typer(group, name="keys")

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant, or `platform`.")]
PurposeOption = Annotated[Purpose, typer.Option("--purpose", help="What the key is for.")]


@group.command(name="list")
def list_(
    *,
    tenant: Annotated[str | None, typer.Option("--tenant", help="One tenant's only.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show the register of keys; destroyed ones are not in it.

    Example: `mmo keys list --tenant demo`
    """

    async def rows(store: Pkcs11KeyStore) -> list[KeyRow]:
        found = store.trust.register.rows.values()
        return sorted(
            (row for row in found if tenant in (None, row.tenant)),
            key=lambda row: (row.tenant_id, row.purpose, row.n),
        )

    found = asked_of_store(home, rows)
    if json:
        print_json([_told(row) for row in found])
        return
    table = Table("tenant", "purpose", "n", "state", "good until", "kid", box=None)
    for row in found:
        told = _told(row)
        table.add_row(*(str(told[name] or "") for name in
                        ("tenant", "purpose", "n", "state", "not_after", "kid")))  # fmt: skip
    console.print(table)


@group.command()
def rotate(
    *, tenant: TenantOption, purpose: PurposeOption, home: HomeOption = DEFAULT_HOME
) -> None:
    """Let the next key sign; the one before verifies until its last token has expired.

    Example: `mmo keys rotate --tenant demo --purpose jwt`
    """

    async def work(store: Pkcs11KeyStore) -> int:
        await store.administration.rotate(_number(store, tenant), tenant, purpose)
        return await store.number(tenant, purpose)

    number = asked_of_store(home, work)
    console.print(f"The {purpose} key {number} of {tenant} is active.")


@group.command()
def disable(
    *, tenant: TenantOption, purpose: PurposeOption, home: HomeOption = DEFAULT_HOME
) -> None:
    """Let nobody rely on these keys any more, at once; `rotate` brings a new one.

    Example: `mmo keys disable --tenant demo --purpose jwt`
    """
    many = asked_of_store(
        home, lambda store: store.administration.disable(_number(store, tenant), purpose)
    )
    console.print(f"{many} {purpose} keys of {tenant} are disabled.")


@group.command()
def destroy(
    *,
    tenant: TenantOption,
    purpose: PurposeOption,
    yes_destroy: Annotated[
        bool, typer.Option("--yes-destroy", help="Say that it is meant: nothing brings it back.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Destroy every key of the purpose, in the token too.

    Of a `kek`: what is sealed under it, names and histories, can be read by nobody ever again.

    Example: `mmo keys destroy --tenant demo --purpose kek --yes-destroy`
    """
    if not yes_destroy:
        raise StackError(
            f"nothing brings the {purpose} keys of {tenant} back: say --yes-destroy if you mean it"
        )
    many = asked_of_store(
        home, lambda store: store.administration.destroy(_number(store, tenant), purpose)
    )
    console.print(f"{many} {purpose} keys of {tenant} are destroyed.")


def _number(store: Pkcs11KeyStore, tenant: str) -> int:
    if tenant == PLATFORM:
        return PLATFORM_ID
    known = store.trust.register.tenants
    if tenant not in known:
        raise StackError(f"there is no tenant {tenant} with keys: name one with --tenant")
    return known[tenant]


def _told(row: KeyRow) -> dict[str, str | int | None]:
    until = None if row.not_after is None else datetime.fromtimestamp(row.not_after, UTC)
    return {
        "tenant": row.tenant,
        "purpose": row.purpose,
        "n": row.n,
        "state": row.state,
        "not_after": None if until is None else until.isoformat(timespec="seconds"),
        "kid": row.kid,
        "id": str(row.id),
    }
