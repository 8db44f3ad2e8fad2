"""What a wallet may still move and hold, and quotes' view of the same."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.looking import LookingDoor
from api.problems import Problem
from api.schemas import answers_with
from api.wallets.reads import MayRead, visible
from mmo.dated.in_force import UnreadableTermError
from mmo.kernel.money import Money
from mmo.kernel.refusals import REFUSALS
from mmo.limits.profile import Limit
from mmo.limits.remaining import Remaining
from mmo.movements.support.allowances import Allowance, Allowances
from mmo.tenancy.scope import scoped

router = APIRouter(tags=["wallets"])


class AmountCapSchema(BaseModel):
    """How much may move within a window: plain decimals in the wallet's currency."""

    cap: str
    used: str
    left: str


class CountCapSchema(BaseModel):
    """How often money may move within a window."""

    cap: int
    used: int
    left: int


class LimitSchema(BaseModel):
    """One window of one limit."""

    direction: str = Field(description="`out` or `in`.")
    movement: str | None = Field(description="Null: every movement.")
    channel: str | None = Field(description="Null: every channel.")
    window: str = Field(description="`daily`, `weekly` or `monthly`.")
    since: str = Field(description="The first day of the window, by the operator's clock.")
    value: AmountCapSchema | None
    count: CountCapSchema | None


class BoundSchema(BaseModel):
    """What a single movement may be."""

    direction: str
    movement: str | None
    channel: str | None
    min: str | None
    max: str | None


class LimitsSchema(BaseModel):
    """A wallet's limits: used and left."""

    wallet: str
    currency: str
    tier: int
    profile: dict[str, Any] | None = Field(description="Id and version; null: nothing limits it.")
    balance: AmountCapSchema | None
    bounds: list[BoundSchema]
    limits: list[LimitSchema]


@router.get(
    "/wallets/{wallet}/limits", summary="Read a wallet's limits, used and left",
    responses=answers_with(LimitsSchema),
)  # fmt: skip
async def read_limits(
    request: Request, wallet: str, caller: MayRead, opened: LookingDoor
) -> dict[str, Any]:
    """What the next movement is held against. Holds count; refused movements do not."""
    found = await visible(opened, caller, wallet)
    allowances: Allowances = request.app.state.allowances
    try:
        async with scoped(opened.pool, caller.tenant.id) as connection:
            allowance = await allowances.of(connection, caller.tenant.id, found)
    except UnreadableTermError:
        raise Problem("terms_unreadable", REFUSALS["terms_unreadable"]) from None
    about = {"wallet": found.id, "currency": found.currency, "tier": found.tier}
    return about | told(allowance, found.currency)


def told(allowance: Allowance | None, currency: str) -> dict[str, Any]:
    """How limits look to a client."""
    if allowance is None:
        return {"profile": None, "balance": None, "bounds": [], "limits": []}
    profile = allowance.profile.content
    return {
        "profile": {"id": allowance.profile.id, "version": allowance.profile.version},
        "balance": _amount(profile.balance, allowance.holds, currency),
        "bounds": [
            _about(one) | {"min": _money(one.min, currency), "max": _money(one.max, currency)}
            for one in profile.limits
            if one.min is not None or one.max is not None
        ],
        "limits": [_cap(one, currency) for one in allowance.caps],
    }


def _cap(one: Remaining, currency: str) -> dict[str, Any]:
    count = one.cap.count
    return _about(one.limit) | {
        "window": one.window,
        "since": one.since.isoformat(),
        "value": _amount(one.cap.value, one.amount, currency),
        "count": None if count is None else {"cap": count, "used": one.n, "left": one.n_left},
    }


def _about(limit: Limit) -> dict[str, Any]:
    return {"direction": limit.direction, "movement": limit.movement, "channel": limit.channel}


def _amount(cap: int | None, used: int, currency: str) -> dict[str, str] | None:
    if cap is None:
        return None
    parts = {"cap": cap, "used": used, "left": max(0, cap - used)}
    return {name: Money(minor, currency).value for name, minor in parts.items()}


def _money(minor: int | None, currency: str) -> str | None:
    return None if minor is None else Money(minor, currency).value
