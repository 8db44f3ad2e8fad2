"""Movements as a list shows them: one row each, with its state now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mmo.database.columns import MOMENT
from mmo.messaging.event import Event


class MovementWallet(SQLModel, table=True):
    """One movement that a wallet is in."""

    __tablename__ = "movement_wallet"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"schema": "projections"}

    tenant_id: int = Field(primary_key=True)
    wallet: UUID = Field(primary_key=True)
    movement_id: UUID = Field(primary_key=True)


class MovementView(SQLModel, table=True):
    """A movement, as far as the feed has been read."""

    __tablename__ = "movement_view"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"schema": "projections"}

    tenant_id: int = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    type: str
    state: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    parties: dict[str, str] = Field(sa_type=JSONB)
    prices: dict[str, int] = Field(sa_type=JSONB)
    actor: str
    requested_at: datetime = Field(sa_type=MOMENT)
    posted_at: datetime | None = Field(sa_type=MOMENT)
    journal: int | None = Field(sa_type=BigInteger)
    refusal: str | None
    detail: dict[str, Any] | None = Field(sa_type=JSONB)
    position: int = Field(sa_type=BigInteger, description="How far into the feed this has read.")
    taken_back_minor: int = Field(0, sa_type=BigInteger)


async def project(connection: AsyncConnection[Any], events: Sequence[Event]) -> None:
    """Fold movement events into their rows; a row never goes back to an older position."""
    rows = [row_of(event) for event in events if event.aggregate == "movement"]
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO movement_view AS v
               (tenant_id, id, type, state, amount_minor, currency, parties, prices, actor,
                requested_at, posted_at, journal, refusal, detail, position)
               VALUES (%(tenant_id)s, %(id)s, %(type)s, %(state)s, %(amount_minor)s, %(currency)s,
                       %(parties)s, %(prices)s, %(actor)s, %(requested_at)s,
                       %(posted_at)s, %(journal)s, %(refusal)s, %(detail)s, %(position)s)
               ON CONFLICT (tenant_id, id) DO UPDATE
                  SET state = excluded.state, parties = v.parties || excluded.parties,
                      prices = CASE WHEN excluded.prices = '{}' THEN v.prices ELSE excluded.prices
                      END, posted_at = coalesce(excluded.posted_at, v.posted_at),
                      journal = coalesce(excluded.journal, v.journal),
                      refusal = excluded.refusal, detail = excluded.detail,
                      position = excluded.position
                WHERE excluded.position >= v.position""",
            rows,
        )
        await cursor.executemany(
            """INSERT INTO movement_wallet (tenant_id, wallet, movement_id) VALUES (%s, %s, %s)
               ON CONFLICT DO NOTHING""",
            sorted({place for event in events for place in _places(event)}),
        )
        await cursor.executemany(
            """UPDATE movement_view
                  SET taken_back_minor = taken_back_minor + %(amount_minor)s,
                      state = CASE WHEN taken_back_minor + %(amount_minor)s < %(of_minor)s
                              THEN 'partially_refunded' ELSE 'reversed' END,
                      position = %(position)s
                WHERE tenant_id = %(tenant_id)s AND id = %(original)s
                  AND position < %(position)s""",
            [
                dict(event.data["takes_back"], tenant_id=event.tenant_id, position=event.xid)
                for event in events
                if _takes_back(event)
            ],
        )


def _takes_back(event: Event) -> bool:
    """Whether the event tells that another movement, or a part of it, has come back."""
    return "takes_back" in event.data and event.data.get("outcome") == "posted"


def _places(event: Event) -> list[tuple[int, UUID, UUID]]:
    """The wallets that the movement of an event is in."""
    if event.aggregate != "movement":
        return []
    wallets = event.data["parties"].values()
    return [(event.tenant_id, UUID(wallet), event.aggregate_id) for wallet in wallets]


def row_of(event: Event) -> dict[str, Any]:
    """What one event says about the movement's row."""
    data = event.data
    refused = data["outcome"] == "refused"
    return {
        "tenant_id": event.tenant_id,
        "id": event.aggregate_id,
        "type": data["type"],
        "state": data["state"],
        "amount_minor": data["amount_minor"],
        "currency": data["amount"]["currency"],
        "parties": Jsonb(data["parties"]),
        "prices": Jsonb({} if refused else data["prices"]),
        "actor": event.actor,
        "requested_at": datetime.fromisoformat(data["requested_at"]),
        "posted_at": event.occurred_at if data["state"] == "posted" else None,
        "journal": None if refused else data["journal"],
        "refusal": data["refusal"],
        "detail": Jsonb(data["detail"]) if data["detail"] else None,
        "position": event.xid,
    }


async def movement(session: AsyncSession, tenant: int, identifier: UUID) -> MovementView | None:
    """Read one movement."""
    return await session.get(MovementView, (tenant, identifier))


async def movements(
    session: AsyncSession,
    tenant: int,
    *,
    wallets: Sequence[UUID] | None,
    actor: str | None,
    state: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    before: UUID | None,
    limit: int,
) -> Sequence[MovementView]:
    """Read movements, the newest first.

    `wallets`: only those with one of these wallets, or asked for by `actor`; None: all.
    """
    view: Any = MovementView
    wanted = select(MovementView).where(view.tenant_id == tenant)
    if wallets is not None:
        wanted = wanted.where(view.id.in_(_mine(tenant, wallets, actor)))
    for condition in (
        view.state == state if state else None,
        view.type == kind if kind else None,
        view.requested_at >= since if since else None,
        view.requested_at < until if until else None,
        view.id < before if before else None,
    ):
        if condition is not None:
            wanted = wanted.where(condition)
    found = await session.exec(wanted.order_by(view.id.desc()).limit(limit))
    return found.all()


def _mine(tenant: int, wallets: Sequence[UUID], actor: str | None) -> Any:
    """The ids of movements with one of the wallets or asked for by somebody, each by its index."""
    place, asked = aliased(MovementWallet), aliased(MovementView)
    of_wallets = select(place.movement_id).where(
        col(place.tenant_id) == tenant, col(place.wallet).in_(list(wallets))
    )
    of_actor = select(asked.id).where(col(asked.tenant_id) == tenant, col(asked.actor) == actor)
    return union_all(of_wallets, of_actor) if actor else of_wallets
