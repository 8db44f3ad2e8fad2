"""`mmo wallets`: the wallets of a tenant, with what the ledger says they hold."""

import typer
from rich.table import Table

from mmo.kernel.money import Money
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
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


async def _read(operator: Operator) -> list[dict[str, str]]:
    async with operator.pool.connection() as connection:
        cursor = await connection.execute(
            """SELECT w.id, w.kind, w.msisdn, w.name, w.state, w.currency, b.available, b.held
                 FROM wallets.wallet w
                 JOIN ledger.balance b ON b.tenant_id = w.tenant_id
                                      AND b.account_id = (w.accounts ->> 'wallet')::bigint
                WHERE w.tenant_id = %s ORDER BY w.opened_at DESC, w.id LIMIT %s""",
            [operator.tenant.id, ROWS_MAX],
        )
        rows = await cursor.fetchall()
    return [
        {
            "wallet": str(identifier),
            "kind": kind,
            "alias": f"msisdn:{msisdn}",
            "name": name,
            "state": state,
            "available": str(Money(available, currency)),
            "held": str(Money(held, currency)),
        }
        for identifier, kind, msisdn, name, state, currency, available, held in rows
    ]
