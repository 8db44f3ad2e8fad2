"""Figures: movements by the minute, type and currency, with their value, fees, taxes, refusals."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.database.columns import MOMENT
from mmo.messaging.event import Event

FEES, TAXES = ("F", "M", "S"), ("X", "XM", "XS", "T")
_TOLD = frozenset({"posted", "refused", "released"})


class FigureView(SQLModel, table=True):
    """What moved within a minute, as far as the feed has been read; minor units."""

    __tablename__ = "figure_view"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"schema": "projections"}

    tenant_id: int = Field(primary_key=True)
    minute: datetime = Field(primary_key=True, sa_type=MOMENT)
    type: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    refusal: str = Field(primary_key=True, description="Its code; empty: posted.")
    movements: int = Field(sa_type=BigInteger)
    value: int = Field(sa_type=BigInteger)
    fees: int = Field(sa_type=BigInteger)
    taxes: int = Field(sa_type=BigInteger)
    position: int = Field(sa_type=BigInteger)


class _Sum:
    def __init__(self) -> None:
        self.movements = self.value = self.fees = self.taxes = 0
        self.position: int | None = 0

    def count(self, event: Event, prices: Mapping[str, int]) -> None:
        amount: int = event.data["amount_minor"]
        self.movements += 1
        self.value += prices.get("A", amount)
        self.fees += sum(prices.get(symbol, 0) for symbol in FEES)
        self.taxes += sum(prices.get(symbol, 0) for symbol in TAXES)
        self.position = event.xid


async def project(connection: AsyncConnection[Any], events: Sequence[Event]) -> None:
    """Count the first outcome of each movement in its minute: posted, or refused for a code."""
    sums: defaultdict[tuple[Any, ...], _Sum] = defaultdict(_Sum)
    for event in events:
        data = event.data
        if event.aggregate != "movement" or data["step"] != 1 or data["outcome"] not in _TOLD:
            continue
        refusal = "" if data["outcome"] == "posted" else data["refusal"] or ""
        minute = event.occurred_at.replace(second=0, microsecond=0)
        key = (event.tenant_id, minute, data["type"], data["amount"]["currency"], refusal)
        sums[key].count(event, {} if refusal else data["prices"])
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO figure_view AS v
               (tenant_id, minute, type, currency, refusal, movements, value, fees, taxes, position)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
               ON CONFLICT (tenant_id, minute, type, currency, refusal) DO UPDATE
                  SET movements = v.movements + excluded.movements,
                      value = v.value + excluded.value, fees = v.fees + excluded.fees,
                      taxes = v.taxes + excluded.taxes, position = excluded.position
                WHERE excluded.position > v.position""",
            [
                (*key, one.movements, one.value, one.fees, one.taxes, one.position)
                for key, one in sorted(sums.items())
            ],
        )


async def figures(
    session: AsyncSession, tenant: int, since: datetime, until: datetime, kind: str | None
) -> Sequence[FigureView]:
    """Read the minutes of a span, the oldest first."""
    view = FigureView
    wanted = select(view).where(view.tenant_id == tenant, view.minute >= since, view.minute < until)
    if kind is not None:
        wanted = wanted.where(view.type == kind)
    order = (col(view.minute), col(view.type), col(view.currency), col(view.refusal))
    found = await session.exec(wanted.order_by(*order))
    return found.all()
