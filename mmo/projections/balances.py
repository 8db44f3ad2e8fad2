"""Balances: what each account holds, summed from its entries and holds."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.messaging.event import Event


class BalanceView(SQLModel, table=True):
    """An account's balance, as far as the feed has been read; minor units, credit-positive."""

    __tablename__ = "balance_view"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"schema": "projections"}

    tenant_id: int = Field(primary_key=True)
    account_id: int = Field(primary_key=True, sa_type=BigInteger)
    currency: str
    posted: int = Field(sa_type=BigInteger)
    held: int = Field(sa_type=BigInteger)
    entries: int = Field(sa_type=BigInteger)
    position: int = Field(sa_type=BigInteger)


class _Change:
    """What some events change about one account."""

    def __init__(self) -> None:
        self.posted = self.held = self.entries = self.position = 0
        self.currency = ""


async def project(connection: AsyncConnection[Any], events: Sequence[Event]) -> None:
    """Fold legs and holds into the balances: netted first, so that each row is written once."""
    changes: defaultdict[tuple[int, int], _Change] = defaultdict(_Change)
    for event in events:
        if event.aggregate != "movement":
            continue
        for leg in event.data["legs"]:
            change = changes[event.tenant_id, leg["account"]]
            change.posted += leg["amount"]
            change.entries += 1
            change.currency, change.position = event.data["amount"]["currency"], event.xid
        for hold in event.data["held"]:
            change = changes[event.tenant_id, hold["account"]]
            change.held += hold["amount"]
            change.currency, change.position = event.data["amount"]["currency"], event.xid
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO balance_view AS v
               (tenant_id, account_id, currency, posted, held, entries, position)
               VALUES (%s, %s, %s, %s, %s, %s, %s)
               ON CONFLICT (tenant_id, account_id) DO UPDATE
                  SET posted = v.posted + excluded.posted, held = v.held + excluded.held,
                      entries = v.entries + excluded.entries, position = excluded.position
                WHERE excluded.position > v.position""",
            [
                (tenant, account, one.currency, one.posted, one.held, one.entries, one.position)
                for (tenant, account), one in sorted(changes.items())
            ],
        )


async def balance(session: AsyncSession, tenant: int, account: int) -> BalanceView | None:
    """Read the balance of an account; None where nothing ever moved."""
    return await session.get(BalanceView, (tenant, account))
