"""`mmo wallets`: the wallets of a tenant, with what the ledger says they hold."""

from collections.abc import Mapping

import typer
from rich.table import Table

from mmo.kernel.money import Money
from mmo.wallets import postgres as store
from mmo.wallets.personal import PersonalData
from mmo.wallets.wallet import Wallet
from workers.cli.support.asking import Operator, TenantOption, ask
from workers.cli.support.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    console,
    print_json,
)

app = typer.Typer()

ROWS_MAX = 1000


@app.command()
def wallets(
    *, home: HomeOption = DEFAULT_HOME, tenant: TenantOption = "demo", json: JsonOption = False
) -> None:
    """List wallets, the newest first, at most a thousand.

    Example: `mmo wallets --tenant demo`
    """
    rows = ask(home, tenant, _read)
    if json:
        print_json(rows)
        return
    table = Table("wallet", "kind", "alias", "name", "state", "available", "held", box=None)
    for row in rows:
        table.add_row(*(value or "(key destroyed)" for value in row.values()))
    console.print(table)


async def _read(operator: Operator) -> list[dict[str, str | None]]:
    personal = PersonalData(operator.keys, operator.envelope)
    async with operator.pool.connection() as connection:
        cursor = await connection.execute(
            """SELECT account_id, available, held FROM ledger.balance WHERE tenant_id = %s""",
            [operator.tenant.id],
        )
        balances = {account: held async for account, *held in cursor}
        newest = await store.newest(connection, operator.tenant.id, ROWS_MAX)
    return [await _row(operator, personal, one, balances) for one in newest]


async def _row(
    operator: Operator, personal: PersonalData, wallet: Wallet, balances: Mapping[int, list[int]]
) -> dict[str, str | None]:
    shown = await personal.show(operator.tenant.slug, wallet)
    available, held = balances[wallet.accounts["wallet"]]
    return {
        "wallet": wallet.id,
        "kind": wallet.kind,
        "alias": shown.alias,
        "name": shown.name,
        "state": wallet.state,
        "available": str(Money(available, wallet.currency)),
        "held": str(Money(held, wallet.currency)),
    }
