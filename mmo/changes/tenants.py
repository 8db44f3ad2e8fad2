"""Tenants and their groups: a super-tenant's staff open, suspend, resume and group them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind, Handler
from mmo.identity.secret import digest, new_secret
from mmo.tenancy import groups, onboarding
from mmo.tenancy.groups import Group
from mmo.tenancy.onboarding import NewTenant
from mmo.tenancy.postgres import set_state

Connection = AsyncConnection[Any]
SCOPE = "tenants:read"


async def _open(connection: Connection, asked: Asked) -> Carried:
    """Ask for a tenant; the one-time code of its first administrator is shown once."""
    code, body = new_secret(), asked.body
    told: dict[str, Any] = {**body, "currencies": tuple(body["currencies"])}
    new = NewTenant(**told, invitation=digest(code))
    who = f"{asked.tenant}/{asked.actor.subject}"
    if not await onboarding.ask(connection, asked.tenant_id, new, who):
        raise DeclinedError("already_there")
    return Carried(result=new, secret=code, after=body)


def _setting(state: str) -> Handler:
    async def set_it(connection: Connection, asked: Asked) -> Carried:
        if not await set_state(connection, asked.object.removeprefix("tenant/"), state):
            raise DeclinedError("not_found")
        return Carried()

    return set_it


async def _create_group(connection: Connection, asked: Asked) -> Carried:
    await groups.create(connection, asked.tenant_id, _group(asked), asked.body["name"])
    made = await _filled(connection, asked)
    return Carried(result=made, after=asdict(made))


async def _change_group(connection: Connection, asked: Asked) -> Carried:
    tenant, group = asked.tenant_id, _group(asked)
    before = await groups.find(connection, tenant, group)
    if before is None:
        raise DeclinedError("not_found")
    if not await groups.change(connection, tenant, group, asked.body["version"]):
        raise DeclinedError("version_conflict")
    after = await _filled(connection, asked)
    return Carried(result=after, before=asdict(before), after=asdict(after))


async def _filled(connection: Connection, asked: Asked) -> Group:
    tenant, group, body = asked.tenant_id, _group(asked), asked.body
    shares: Sequence[tuple[str, int]] = [(what, owner) for what, owner in body["shares"]]
    await groups.fill(connection, tenant, group, body["members"], shares)
    made = await groups.find(connection, tenant, group)
    assert made is not None, "it was written in this transaction"
    return made


def _group(asked: Asked) -> UUID:
    return UUID(asked.object.removeprefix("tenant-group/"))


def _kind(event: str, carry_out: Handler, **more: Any) -> ChangeKind:
    return ChangeKind(event=event, scope=SCOPE, carry_out=carry_out, **more)


KINDS = (
    _kind(
        "tenant.open", _open, waits=False, hidden=frozenset({"administrator", "administrator_name"})
    ),
    _kind("tenant.suspend", _setting("suspended")),
    _kind("tenant.resume", _setting("active")),
    _kind("tenant-group.create", _create_group),
    _kind("tenant-group.change", _change_group),
)
