"""Wallets in Postgres: the row of each wallet, and the ledger accounts behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from mmo.wallets.events import (
    WalletClosed,
    WalletEvent,
    WalletFlagged,
    WalletFrozen,
    WalletRetiered,
    WalletUnflagged,
    WalletUnfrozen,
)
from mmo.wallets.wallet import COMMISSION, KINDS, Wallet, WalletFlag

_ACCOUNT_STATES: dict[type[WalletEvent], int] = {
    WalletFrozen: 3,
    WalletUnfrozen: 0,
    WalletClosed: 4,
}
"""Event → the state of the wallet's accounts in the ledger: frozen, open, closed."""

_SELECT = """SELECT id::text, kind, state, currency, msisdn, name, alias, owner, accounts, version,
                    opened_at, changed_at, product, flags, party::text, tier, frozen_with_party
               FROM wallets.wallet WHERE tenant_id = %s """


def _wallet(flags: list[Any], **columns: Any) -> Wallet:
    return Wallet(**columns, flags=tuple(WalletFlag.of(flag) for flag in flags))


def _row(tenant: int, wallet: Wallet) -> dict[str, Any]:
    return asdict(wallet) | {
        "tenant_id": tenant,
        "accounts": Jsonb(wallet.accounts),
        "flags": Jsonb([flag.row() for flag in wallet.flags]),
    }


async def find(
    connection: AsyncConnection, tenant: int, names: Mapping[str, UUID | str]
) -> dict[str, Wallet]:
    """Find wallets by id or blind index; answers by the name asked for, without those unknown.

    `names` is what `PersonalData.named` made of them. An index names the open wallet that has it.
    """
    aliases = [sought for sought in names.values() if isinstance(sought, str)]
    ids = [sought for sought in names.values() if isinstance(sought, UUID)]
    cursor = connection.cursor(row_factory=kwargs_row(_wallet))
    await cursor.execute(
        _SELECT + "AND (id = ANY (%s) OR alias = ANY (%s) AND state <> 'closed')",
        [tenant, ids, aliases],
    )
    found: dict[str, Wallet] = {}
    async for wallet in cursor:
        found[wallet.id] = wallet
        if wallet.state != "closed":
            found[wallet.alias] = wallet
    return {name: found[str(sought)] for name, sought in names.items() if str(sought) in found}


async def newest(connection: AsyncConnection, tenant: int, limit: int) -> list[Wallet]:
    """The wallets that were opened last, closed ones included."""
    cursor = connection.cursor(row_factory=kwargs_row(_wallet))
    await cursor.execute(_SELECT + "ORDER BY opened_at DESC, id LIMIT %s", [tenant, limit])
    return await cursor.fetchall()


async def owned_by(connection: AsyncConnection, tenant: int, owner: str) -> list[UUID]:
    """The wallets of one owner, closed ones included."""
    cursor = await connection.execute(
        "SELECT id FROM wallets.wallet WHERE tenant_id = %s AND owner = %s ORDER BY id",
        [tenant, owner],
    )
    return [row[0] for row in await cursor.fetchall()]


async def of_parties(
    connection: AsyncConnection, tenant: int, parties: Sequence[UUID]
) -> list[Wallet]:
    """The wallets of parties that are not closed, by id: so they are locked in one order."""
    cursor = connection.cursor(row_factory=kwargs_row(_wallet))
    await cursor.execute(
        _SELECT + "AND party = ANY (%s) AND state <> 'closed' ORDER BY id", [tenant, list(parties)]
    )
    return await cursor.fetchall()


async def lock(connection: AsyncConnection, tenant: int, identifier: UUID) -> Wallet | None:
    """Read a wallet and keep other changes of it out until the transaction ends."""
    cursor = connection.cursor(row_factory=kwargs_row(_wallet))
    await cursor.execute(_SELECT + "AND id = %s FOR NO KEY UPDATE", [tenant, identifier])
    return await cursor.fetchone()


async def save(connection: AsyncConnection, tenant: int, wallet: Wallet) -> None:
    """Write the row of a wallet. Raises psycopg.errors.UniqueViolation where its alias is taken."""
    await connection.execute(
        """INSERT INTO wallets.wallet (tenant_id, id, kind, state, currency, msisdn, name, alias,
                                       owner, accounts, version, opened_at, changed_at, product,
                                       flags, party, tier, frozen_with_party)
           VALUES (%(tenant_id)s, %(id)s, %(kind)s, %(state)s, %(currency)s, %(msisdn)s, %(name)s,
                   %(alias)s, %(owner)s, %(accounts)s, %(version)s, %(opened_at)s, %(changed_at)s,
                   %(product)s, %(flags)s, %(party)s, %(tier)s, %(frozen_with_party)s)
           ON CONFLICT (tenant_id, id) DO UPDATE
              SET state = excluded.state, flags = excluded.flags, tier = excluded.tier,
                  frozen_with_party = excluded.frozen_with_party, version = excluded.version,
                  changed_at = excluded.changed_at""",
        _row(tenant, wallet),
    )


async def replace(connection: AsyncConnection, tenant: int, wallet: Wallet) -> None:
    """Write the whole row of a wallet anew, whatever stood there."""
    await save(connection, tenant, wallet)
    await connection.execute(
        """UPDATE wallets.wallet
              SET kind = %(kind)s, currency = %(currency)s, msisdn = %(msisdn)s, name = %(name)s,
                  alias = %(alias)s, owner = %(owner)s, accounts = %(accounts)s,
                  product = %(product)s, party = %(party)s, opened_at = %(opened_at)s
            WHERE tenant_id = %(tenant_id)s AND id = %(id)s""",
        _row(tenant, wallet),
    )


async def open_accounts(
    connection: AsyncConnection, tenant: int, kind: str, currency: str
) -> Mapping[str, int]:
    """Open the ledger accounts that a wallet of that kind needs: product → account."""
    codes = {"wallet": KINDS[kind]} | (
        {"commission": COMMISSION[kind]} if kind in COMMISSION else {}
    )
    accounts: dict[str, int] = {}
    for product, code in codes.items():
        cursor = await connection.execute(
            "SELECT ledger.open_account(%s, %s, %s)", [tenant, code, currency]
        )
        row = await cursor.fetchone()
        assert row is not None
        accounts[product] = row[0]
    return accounts


async def balance(connection: AsyncConnection, tenant: int, wallet: Wallet) -> int:
    """What the wallet's accounts hold together, set aside or not, in minor units.

    Their rows stay locked until the transaction ends: nothing can arrive before it is closed.
    """
    accounts = list(wallet.accounts.values())
    await raise_facts(connection, tenant, [wallet])
    cursor = await connection.execute(
        """SELECT coalesce(sum(posted), 0)::bigint FROM ledger.account
            WHERE tenant_id = %s AND id = ANY (%s)""",
        [tenant, accounts],
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def under_way(connection: AsyncConnection, tenant: int, wallet: Wallet) -> tuple[str, ...]:
    """The movements that wait, or have just been asked for, with the wallet; and those it owes."""
    cursor = await connection.execute(
        """SELECT c.movement_id::text FROM movements.command c
            WHERE c.tenant_id = %(tenant)s AND (c.state = 'accepted' OR c.state LIKE 'pending%%')
              AND EXISTS (SELECT FROM jsonb_each_text(c.body) b WHERE b.value = %(wallet)s)
            UNION
           SELECT n.movement::text FROM movements.lien n
            WHERE n.tenant_id = %(tenant)s AND n.wallet = %(wallet)s::uuid
            ORDER BY 1 LIMIT 20""",
        {"tenant": tenant, "wallet": wallet.id},
    )
    return tuple(row[0] for row in await cursor.fetchall())


async def raise_facts(connection: AsyncConnection, tenant: int, about: Sequence[Wallet]) -> None:
    """Make every decision stale that was made on what these wallets were."""
    accounts = [account for wallet in about for account in wallet.accounts.values()]
    await connection.execute("SELECT ledger.raise_facts(%s, %s)", [tenant, accounts])


async def tell_ledger(
    connection: AsyncConnection, tenant: int, wallet: Wallet, event: WalletEvent
) -> None:
    """Give the wallet's accounts the state that the event means; it makes old decisions stale."""
    if isinstance(event, WalletFlagged | WalletUnflagged | WalletRetiered):
        await raise_facts(connection, tenant, [wallet])
        return
    state = _ACCOUNT_STATES.get(type(event))
    if state is None:
        return
    for account in sorted(wallet.accounts.values()):
        await connection.execute(
            "SELECT ledger.set_account_state(%s, %s, %s::smallint)", [tenant, account, state]
        )
