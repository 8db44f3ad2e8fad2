"""Statements: every entry of every account, numbered, with the balance right after it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.database.columns import MOMENT
from mmo.messaging.event import Event


class StatementView(SQLModel, table=True):
    """One line of an account's statement; minor units, credit-positive."""

    __tablename__ = "statement_view"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"schema": "projections"}

    tenant_id: int = Field(primary_key=True)
    account_id: int = Field(primary_key=True, sa_type=BigInteger)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    movement_id: UUID
    step: int
    type: str
    role: str
    journal: int = Field(sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)
    balance: int = Field(sa_type=BigInteger)
    currency: str
    parties: dict[str, str] = Field(sa_type=JSONB)
    at: datetime = Field(sa_type=MOMENT)
    position: int = Field(sa_type=BigInteger)


async def project(connection: AsyncConnection[Any], events: Sequence[Event]) -> None:
    """Append the entries of posted steps to their accounts' statements, in the feed's order."""
    posted = [event for event in events if event.aggregate == "movement" and event.data["legs"]]
    accounts = {(e.tenant_id, leg["account"]) for e in posted for leg in e.data["legs"]}
    last = await _last(connection, accounts)
    rows: list[tuple[Any, ...]] = []
    for event in posted:
        data = event.data
        for leg in data["legs"]:
            key = event.tenant_id, leg["account"]
            number, balance = last[key]
            last[key] = number, balance = number + 1, balance + leg["amount"]
            rows.append(
                (
                    *key, number, event.aggregate_id, data["step"], data["type"], leg["role"],
                    data["journal"], leg["amount"], balance, data["amount"]["currency"],
                    Jsonb(data["parties"]), event.occurred_at, event.xid,
                )
            )  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO statement_view
               (tenant_id, account_id, number, movement_id, step, type, role, journal, amount,
                balance, currency, parties, at, position)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            rows,
        )


async def _last(
    connection: AsyncConnection[Any], accounts: set[tuple[int, int]]
) -> dict[tuple[int, int], tuple[int, int]]:
    """The newest line of each account: its number and balance; (0, 0) where there is none."""
    wanted = sorted(accounts)
    cursor = await connection.execute(
        """SELECT a.tenant_id, a.account_id, coalesce(s.number, 0), coalesce(s.balance, 0)
             FROM unnest(%s::int[], %s::bigint[]) a (tenant_id, account_id)
             LEFT JOIN LATERAL (SELECT number, balance FROM statement_view v
                                 WHERE v.tenant_id = a.tenant_id AND v.account_id = a.account_id
                                 ORDER BY number DESC LIMIT 1) s ON true""",
        [[tenant for tenant, _ in wanted], [account for _, account in wanted]],
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in await cursor.fetchall()}


async def statement(
    session: AsyncSession,
    tenant: int,
    account: int,
    *,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> Sequence[StatementView]:
    """Read lines of a statement, the newest first."""
    view: Any = StatementView
    wanted = select(StatementView).where(view.tenant_id == tenant, view.account_id == account)
    for condition in (
        view.at >= since if since else None,
        view.at < until if until else None,
        view.number < before if before else None,
    ):
        if condition is not None:
            wanted = wanted.where(condition)
    found = await session.exec(wanted.order_by(view.number.desc()).limit(limit))
    return found.all()
