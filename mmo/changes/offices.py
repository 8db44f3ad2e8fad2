"""Commands on offices, as kinds of changes."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind
from mmo.kernel.refusals import REFUSALS, Refused
from mmo.parties import offices
from mmo.parties import postgres as parties
from mmo.parties.offices import LEVELS_MAX, Office

Connection = AsyncConnection[Any]
SCOPE = "parties:write"


async def _create(connection: Connection, asked: Asked) -> Carried | Refused:
    """Add an office; the same id again adds nothing."""
    tenant, identifier, body = asked.tenant_id, _office(asked), asked.body
    await parties.lock_trees(connection, tenant)
    there = await offices.find(connection, tenant, identifier)
    if there is not None:
        return Carried(result=there)
    parent = UUID(body["parent"]) if body["parent"] else None
    if wrong := await _misplaced(connection, tenant, None, parent):
        return _refused(wrong)
    by = asked.actor.subject
    made = await offices.create(connection, tenant, identifier, body["name"], parent, by)
    return Carried(result=made, after=asdict(made))


async def _change(connection: Connection, asked: Asked) -> Carried | Refused:
    """Rename, move, close or open again the office at that version."""
    tenant, identifier, body = asked.tenant_id, _office(asked), asked.body
    await parties.lock_trees(connection, tenant)
    before = await offices.find(connection, tenant, identifier, lock=True)
    if before is None:
        raise DeclinedError("not_found")
    if before.version != body["version"]:
        raise DeclinedError("version_conflict")
    parent = UUID(body["parent"]) if body["parent"] else None
    if wrong := await _misplaced(connection, tenant, before, parent):
        return _refused(wrong)
    closes = body["state"] == "closed"
    if closes and await offices.in_use(connection, tenant, identifier):
        return _refused("office_in_use")
    made = await offices.change(
        connection, tenant, identifier, name=body["name"], parent=parent, state=body["state"],
        by=asked.actor.subject,
    )  # fmt: skip
    return Carried(result=made, before=asdict(before), after=asdict(made))


async def _misplaced(
    connection: Connection, tenant: int, office: Office | None, parent: UUID | None
) -> str | None:
    """Why an office cannot stand below another: the code of the refusal.

    Raises DeclinedError office_unknown where the other is not there, or closed.
    """
    if parent is None:
        return None
    above = await offices.find(connection, tenant, parent)
    if above is None or above.state != "open":
        raise DeclinedError("office_unknown")
    path = await offices.path(connection, tenant, parent)
    if office is not None and office.id in path:
        return "parent_circular"
    height = await offices.height(connection, tenant, UUID(office.id)) if office else 1
    return "tree_too_deep" if len(path) + height > LEVELS_MAX else None


def _office(asked: Asked) -> UUID:
    return UUID(asked.object.removeprefix("office/"))


def _refused(code: str) -> Refused:
    return Refused(code, REFUSALS[code])


KINDS = (
    ChangeKind(event="office.create", scope=SCOPE, carry_out=_create),
    ChangeKind(event="office.change", scope=SCOPE, carry_out=_change),
)
