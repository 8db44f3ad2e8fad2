"""Statements: every entry of every account, with the ledger's own number and balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger, text
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a statement on paper, in minor units: fee and tax are what the holder bore."""

    number: int
    at: datetime
    type: str
    reference: str
    """The number of its journal."""
    amount: int
    fee: int
    tax: int
    balance: int


async def between(
    session: AsyncSession, tenant: int, account: int, since: datetime, until: datetime, limit: int
) -> Sequence[Line]:
    """The lines of a span, the oldest first, at most so many.

    They are told by their numbers, from the first one in the span to the last: two that were
    posted at once may have their moments the other way round, and the balance must run through.
    """
    found = await (await session.connection()).execute(
        text("""
            SELECT s.number, s.at, s.type, s.journal::text AS reference, s.amount, s.balance,
                   coalesce(p.fee, 0) AS fee, coalesce(p.tax, 0) AS tax
              FROM projections.statement_view s
              LEFT JOIN projections.movement_view m
                ON m.tenant_id = s.tenant_id AND m.id = s.movement_id
              LEFT JOIN LATERAL (
                    SELECT sum(v.value::bigint) FILTER (WHERE v.key IN ('F', 'M'))::bigint AS fee,
                           sum(v.value::bigint) FILTER (WHERE v.key NOT IN ('F', 'M'))::bigint
                           AS tax
                      FROM jsonb_each_text(m.prices) v
                     WHERE v.key = ANY (CASE WHEN s.role = 'payer' AND s.amount < 0
                                             THEN ARRAY['F', 'X', 'T']
                                             WHEN s.role IN ('payee', 'agent') AND s.amount > 0
                                             THEN ARRAY['M', 'XM'] END)) p ON true
             WHERE s.tenant_id = :tenant AND s.account_id = :account
               AND s.number BETWEEN (
                   SELECT min(f.number) FROM projections.statement_view f
                    WHERE f.tenant_id = :tenant AND f.account_id = :account AND f.at >= :since)
                                AND (
                   SELECT max(l.number) FROM projections.statement_view l
                    WHERE l.tenant_id = :tenant AND l.account_id = :account AND l.at < :until)
             ORDER BY s.number LIMIT :limit"""),
        {"tenant": tenant, "account": account, "since": since, "until": until, "limit": limit},
    )
    return [Line(**row) for row in found.mappings()]


async def balance_before(session: AsyncSession, tenant: int, account: int, moment: datetime) -> int:
    """What the account had after its last line before a moment, in minor units."""
    found = await (await session.connection()).execute(
        text("""
            SELECT s.balance FROM projections.statement_view s
             WHERE s.tenant_id = :tenant AND s.account_id = :account AND s.number < coalesce((
                   SELECT min(f.number) FROM projections.statement_view f
                    WHERE f.tenant_id = :tenant AND f.account_id = :account AND f.at >= :moment),
                   9223372036854775807)
             ORDER BY s.number DESC LIMIT 1"""),
        {"tenant": tenant, "account": account, "moment": moment},
    )
    return found.scalar() or 0
