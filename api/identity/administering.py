"""What the routes of this room share: the transaction, the audit row in it, and versions."""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg_pool import AsyncConnectionPool
from pydantic import AfterValidator, Field

from api.fields import Line
from api.problems import Problem
from api.scopes import scopes
from api.security import Caller, requires
from mmo.audit.postgres import append
from mmo.audit.record import Record, digest_of
from mmo.identity.policy import Policies
from mmo.tenancy.scope import scoped

MayRead = Annotated[Caller, Depends(requires("identity:read"))]
MayWrite = Annotated[Caller, Depends(requires("identity:write"))]
MayActivate = Annotated[Caller, Depends(requires("identity:activate"))]
ATTRIBUTES_MAX = 16
_VERSION = re.compile(r'"([0-9]{1,9})"', re.ASCII)


@asynccontextmanager
async def administering(request: Request, caller: Caller) -> AsyncGenerator[AsyncConnection[Any]]:
    """A transaction of the caller's tenant; afterwards this process reads the policy anew.

    Raises Problem already_there for a name that is taken, not_found for what is not there.
    """
    pool: AsyncConnectionPool[Any] = request.app.state.pool
    policies: Policies = request.app.state.policies
    try:
        async with scoped(pool, caller.tenant.id) as connection:
            yield connection
    except UniqueViolation:
        raise Problem("already_there") from None
    except ForeignKeyViolation:
        raise Problem("not_found") from None
    policies.forget(caller.tenant.id)


async def noted(
    connection: AsyncConnection[Any],
    caller: Caller,
    action: str,
    about: str,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    """Tell the audit, in the transaction of the change."""
    await append(
        connection,
        Record(
            tenant_id=caller.tenant.id,
            actor=caller.actor.subject,
            client=caller.actor.client,
            act=caller.act,
            action=action,
            object=about,
            before=digest_of(before) if before is not None else None,
            after=digest_of(after) if after is not None else None,
        ),
    )


async def expected_version(
    if_match: Annotated[
        str | None, Header(description='The ETag that was read: `"3"`. Else it may not change.')
    ] = None,
) -> int:
    """The version that the caller read. Raises Problem version_conflict where it names none."""
    found = _VERSION.fullmatch(if_match or "")
    if found is None:
        raise Problem("version_conflict", "send If-Match with the ETag that you read")
    return int(found[1])


def known_scopes(named: list[str]) -> list[str]:
    """Scopes that there are. Raises ValueError naming the first that is none."""
    unknown = sorted(set(named) - set(scopes()))
    if unknown:
        raise ValueError(f"there is no scope {unknown[0][:60]}")
    return sorted(set(named))


def within(caller: Caller, wanted: Iterable[str], held: Iterable[str] = ()) -> None:
    """Nobody gives what is not theirs to give. Raises Problem insufficient_scope."""
    if SUPER in set(wanted) - set(held) and caller.tenant.kind != "super":
        raise Problem("insufficient_scope", f"{SUPER} is a super-tenant's")


SUPER = "super:read"
Scopes = Annotated[list[str], Field(max_length=200), AfterValidator(known_scopes)]
Attributes = Annotated[
    dict[
        Annotated[str, Field(pattern="^[a-z][a-z_]{0,39}$")],
        Annotated[str, Field(max_length=80), Line],
    ],
    Field(max_length=ATTRIBUTES_MAX, description="Claims for policies: office, limit_profile …"),
]
Version = Annotated[int, Depends(expected_version)]
