"""Authorisation codes, as kinds of changes: made by a customer, and cancelled."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.authorisations import postgres as authorisations
from mmo.authorisations.postgres import NewCode
from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind

Connection = AsyncConnection[Any]
SCOPE = "authorisation-codes:write"


async def _create(connection: Connection, asked: Asked) -> Carried:
    """Keep a code that was made. Raises DeclinedError too_many_codes."""
    new: NewCode = asked.unkept
    if not await authorisations.add(connection, asked.tenant_id, new):
        raise DeclinedError("too_many_codes")
    found = await authorisations.find(connection, asked.tenant_id, new.id)
    return Carried(result=found)


async def _cancel(connection: Connection, asked: Asked) -> Carried:
    """Cancel a code; one that is used stays used."""
    identifier = UUID(asked.object.removeprefix("authorisation-code/"))
    await authorisations.cancel(connection, asked.tenant_id, identifier)
    return Carried()


KINDS = (
    ChangeKind(event="authorisation-code.create", scope=SCOPE, carry_out=_create, waits=False),
    ChangeKind(event="authorisation-code.cancel", scope=SCOPE, carry_out=_cancel),
)
