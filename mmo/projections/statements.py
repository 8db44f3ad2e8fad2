"""Statements: every entry of every account, with the ledger's own number and balance."""

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
    balance: int | None = Field(sa_type=BigInteger)
    currency: str
    parties: dict[str, str] = Field(sa_type=JSONB)
    at: datetime = Field(sa_type=MOMENT)
    position: int = Field(sa_type=BigInteger)


async def project(connection: AsyncConnection[Any], events: Sequence[Event]) -> None:
    """Append the entries of posted steps, under the numbers and balances that the ledger gave them.

    The feed's order is that of transaction numbers, not that of an account's lock: a balance that
    was summed up here would be another one wherever two processes post.
    """
    rows = [
        (
            event.tenant_id, leg["account"], leg["entry"], event.aggregate_id, event.data["step"],
            event.data["type"], leg["role"], event.data["journal"], leg["amount"], leg["balance"],
            event.data["amount"]["currency"], Jsonb(event.data["parties"]), event.occurred_at,
            event.xid,
        )
        for event in events
        if event.aggregate == "movement"
        for leg in event.data["legs"]
    ]  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO statement_view
               (tenant_id, account_id, number, movement_id, step, type, role, journal, amount,
                balance, currency, parties, at, position)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            rows,
        )


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
