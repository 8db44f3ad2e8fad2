"""Where reads of movements and wallets go: a super-tenant's visitor looks by a role of its own."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from api.accepting import Door
from api.security import Caller, authenticated
from mmo.movements.support.commands import Commands


async def looking(request: Request, caller: Annotated[Caller, Depends(authenticated)]) -> Door:
    """The door, on the pool that the caller reads by."""
    opened: Door = request.app.state.door
    if not caller.visiting:
        return opened
    pool = request.app.state.super_pool
    return replace(opened, pool=pool, commands=Commands(pool))


LookingDoor = Annotated[Door, Depends(looking)]
