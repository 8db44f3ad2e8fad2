"""What a super-tenant's readers read over all tenants at once, with a reason that is recorded."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from api.movements.reads import Kind, resource_of
from api.paging import Cursor, Limit, Since, Until, key_of, page_of
from api.problems import Problem
from api.schemas import MovementSchema, State, answers_with
from api.scopes import SUPER_READ
from api.security import REASON, Caller, Gatekeeper, requires
from mmo.kernel.money import Money
from mmo.projections import overview
from mmo.tenancy.tenant import Tenant

router = APIRouter(prefix="/super", tags=["tenants"])


class SuperMovement(MovementSchema):
    """A movement, and whose it is."""

    tenant: str


class SuperMovementPage(BaseModel):
    """A page of movements of all tenants, the newest first."""

    items: list[SuperMovement]
    next: str | None


class SuperBalance(BaseModel):
    """The sum of a tenant's accounts of one kind and currency."""

    tenant: str
    account: str
    currency: str
    accounts: int
    posted: str
    held: str


class SuperBalances(BaseModel):
    """Sums of the books."""

    items: list[SuperBalance]


class SuperCount(BaseModel):
    """How many there are of one kind in one state."""

    tenant: str
    what: str
    kind: str
    state: str
    many: int


class SuperCounts(BaseModel):
    """Counts of wallets and movements."""

    items: list[SuperCount]


async def overseen(
    request: Request,
    caller: Annotated[Caller, Depends(requires(SUPER_READ))],
    of: Annotated[
        str | None, Query(max_length=31, description="One tenant only; else every operator.")
    ] = None,
    x_reason: Annotated[str | None, Header(description=REASON)] = None,
) -> dict[int, Tenant]:
    """The tenants that the caller reads now, by number; their audits and the caller's know why."""
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    found = await gatekeeper.oversee(caller, of, x_reason, request.url.path)
    return {one.id: one for one in found}


Overseen = Annotated[dict[int, Tenant], Depends(overseen)]


@router.get("/movements", summary="Movements of all tenants, the newest first",
            responses=answers_with(SuperMovementPage))  # fmt: skip
async def read_movements(
    request: Request,
    tenants: Overseen,
    state: State | None = None,
    type: Kind = None,  # noqa: A002 - the contract's word
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """From the read models, as far as each has come."""
    async with _super_pool(request).connection() as connection:
        rows = await overview.movements(
            connection, list(tenants), state=state, kind=type, since=since, until=until,
            before=_before(cursor), limit=limit,
        )  # fmt: skip
    told = [resource_of(row) | {"tenant": tenants[row.tenant_id].slug} for row in rows]
    return page_of(told, limit, rows[-1].id if rows else None)


@router.get("/balances", summary="Sums of the books of all tenants",
            responses=answers_with(SuperBalances))  # fmt: skip
async def read_balances(request: Request, tenants: Overseen) -> dict[str, Any]:
    """From the books themselves; credit is positive."""
    async with _super_pool(request).connection() as connection:
        rows = await overview.balances(connection, list(tenants))
    return {
        "items": [
            {
                "tenant": tenants[row["tenant_id"]].slug,
                "account": row["code"],
                "currency": row["currency"],
                "accounts": row["accounts"],
                "posted": Money(row["posted"], row["currency"]).value,
                "held": Money(row["held"], row["currency"]).value,
            }
            for row in rows
        ]
    }


@router.get("/counts", summary="Counts over all tenants", responses=answers_with(SuperCounts))
async def read_counts(request: Request, tenants: Overseen) -> dict[str, Any]:
    """Wallets and movements, by kind and state."""
    async with _super_pool(request).connection() as connection:
        rows = await overview.counts(connection, list(tenants))
    return {"items": [row | {"tenant": tenants[row.pop("tenant_id")].slug} for row in rows]}


def _super_pool(request: Request) -> AsyncConnectionPool[Any]:
    pool: AsyncConnectionPool[Any] = request.app.state.super_pool
    return pool


def _before(cursor: str | None) -> UUID | None:
    key = key_of(cursor)
    try:
        return None if key is None else UUID(key)
    except ValueError:
        raise Problem("cursor_invalid") from None
