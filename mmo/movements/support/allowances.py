"""What a wallet may still move and hold: its limits in force, and the ledger's counters of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mmo.dated.in_force import InForce
from mmo.dated.postgres import Held
from mmo.limits.profile import Profile
from mmo.limits.remaining import Counter, Remaining, counters, remaining
from mmo.movements.support.limiting import numbers
from mmo.movements.support.terms import EMPTY, compiled
from mmo.wallets.wallet import Wallet

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The profile of a wallet, and each of its caps."""

    profile: InForce[Profile]
    caps: Sequence[Remaining]
    holds: int
    """What the wallet holds now, in minor units."""


class Allowances:
    """Reads what wallets may still do."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._terms = Held(pool, compiled, EMPTY)

    async def of(self, connection: Connection, tenant: int, wallet: Wallet) -> Allowance | None:
        """What the wallet may; None where nothing limits it. Raises UnreadableTermError."""
        account = wallet.accounts["wallet"]
        now, today, version, holds = await _standing(connection, tenant, account)
        terms = await self._terms.at_least(tenant, version)
        profile = terms.profiles.find(
            wallet.kind, wallet.tier, wallet.currency, product=wallet.product, at=now
        )
        if profile is None:
            return None
        asked = counters(profile.content, today, numbers())
        used = await _used(connection, tenant, account, asked)
        caps = tuple(remaining(profile.content, today, numbers(), used))
        return Allowance(profile=profile, caps=caps, holds=holds)


async def _standing(
    connection: Connection, tenant: int, account: int
) -> tuple[datetime, date, int, int]:
    cursor = await connection.execute(
        """SELECT now(), (now() AT TIME ZONE t.timezone)::date, l.rules_version,
                  (SELECT a.posted FROM ledger.account a WHERE a.tenant_id = t.id AND a.id = %s)
             FROM tenancy.tenant t JOIN ledger.tenant l ON l.tenant_id = t.id WHERE t.id = %s""",
        [account, tenant],
    )
    row = await cursor.fetchone()
    assert row is not None, f"tenant {tenant} is not in the ledger"
    return row


async def _used(
    connection: Connection, tenant: int, account: int, asked: Sequence[Counter]
) -> dict[Counter, tuple[int, int]]:
    cursor = await connection.execute(
        """SELECT u.bucket, u.period, u.amount, u.n
             FROM unnest(%s::smallint[], %s::date[]) c (bucket, period)
             JOIN ledger.usage u ON u.tenant_id = %s AND u.account_id = %s
              AND u.bucket = c.bucket AND u.period = c.period""",
        [[bucket for bucket, _ in asked], [since for _, since in asked], tenant, account],
    )
    return {(bucket, since): (amount, n) for bucket, since, amount, n in await cursor.fetchall()}
