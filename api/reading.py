"""Where a caller's reads go: their tenant's transaction, or a super-tenant's own role and pool."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from psycopg import AsyncConnection

from api.security import Caller
from mmo.tenancy.scope import scoped


class Read(Protocol):
    """Opens a transaction that the caller may read in."""

    def __call__(
        self, caller: Caller, shared: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """Open it; every query in it still names the tenant. `shared`: see `scoped`."""
        ...


async def reading(request: Request) -> Read:
    """The pools that the composition root put there."""

    @asynccontextmanager
    async def read(
        caller: Caller, shared: Sequence[str] = ()
    ) -> AsyncGenerator[AsyncConnection[Any]]:
        pool = request.app.state.super_pool if caller.visiting else request.app.state.pool
        async with scoped(pool, caller.tenant.id, shared) as connection:
            yield connection

    return read


Reading = Annotated[Read, Depends(reading)]
