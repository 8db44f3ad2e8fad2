"""Users, roles and clients: created, changed, and given roles."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind, Handler
from mmo.identity import clients, roles, users
from mmo.identity.clients import Client
from mmo.identity.users import Grant, User

Connection = AsyncConnection[Any]
Deciding: TypeAlias = Callable[[Connection, int, UUID, int, str], Awaitable[bool]]
PERSONAL = frozenset({"name", "username", "attributes", "home"})


async def _create_user(connection: Connection, asked: Asked) -> Carried:
    body, identifier = asked.body, _user_of(asked)
    invitation = await users.create(
        connection, asked.tenant_id, identifier, username=body["username"], name=body["name"],
        created_by=asked.actor.subject, attributes=body["attributes"], home=body["home"],
    )  # fmt: skip
    made = await _user(connection, asked)
    return Carried(result=made, secret=invitation, after=asdict(made))


async def _change_user(connection: Connection, asked: Asked) -> Carried:
    body, before = asked.body, await _user(connection, asked)
    done = await users.change(
        connection, asked.tenant_id, before.id, body["version"], name=body["name"],
        state=body["state"], attributes=body["attributes"],
    )  # fmt: skip
    if not done:
        raise DeclinedError("version_conflict")
    after = await _user(connection, asked)
    return Carried(result=after, before=asdict(before), after=asdict(after))


async def _invite(connection: Connection, asked: Asked) -> Carried:
    found = await _user(connection, asked)
    invitation = await users.invite_again(connection, asked.tenant_id, found.id)
    if invitation is None:
        raise DeclinedError("not_found")
    return Carried(result=found, secret=invitation)


def _granting(carry_out: Deciding) -> Handler:
    """One change of a grant: `role` in the body names the role."""

    async def change(connection: Connection, asked: Asked) -> Carried:
        tenant, role = asked.tenant_id, asked.body["role"]
        user = await _user(connection, asked)
        done = await carry_out(connection, tenant, user.id, role, asked.actor.subject)
        held: dict[int, Grant] = {
            grant.role_id: grant for grant in await users.grants(connection, tenant, user.id)
        }
        if not done or role not in held:
            raise DeclinedError("grant_not_pending" if role in held else "not_found")
        return Carried(result=held[role], after=asdict(held[role]))

    return change


async def _create_role(connection: Connection, asked: Asked) -> Carried:
    body = asked.body
    made = await roles.create(connection, asked.tenant_id, body["name"], body["permissions"])
    return Carried(result=made, after=asdict(made), object=f"role/{made.id}")


async def _change_role(connection: Connection, asked: Asked) -> Carried:
    tenant, body = asked.tenant_id, asked.body
    number = int(asked.object.removeprefix("role/"))
    before = await roles.find(connection, tenant, number)
    if before is None:
        raise DeclinedError("not_found")
    if not await roles.change(connection, tenant, number, body["version"], body["permissions"]):
        raise DeclinedError("version_conflict")
    after = await roles.find(connection, tenant, number)
    assert after is not None, "it was written in this transaction"
    return Carried(result=after, before=asdict(before), after=asdict(after))


async def _create_client(connection: Connection, asked: Asked) -> Carried:
    identifier = asked.object.removeprefix("client/")
    secret = await clients.create(
        connection, asked.tenant_id, identifier, created_by=asked.actor.subject, **asked.body
    )
    made = await _client(connection, asked)
    return Carried(result=made, secret=secret, after=asdict(made))


async def _change_client(connection: Connection, asked: Asked) -> Carried:
    body, before = asked.body, await _client(connection, asked)
    done = await clients.change(
        connection, asked.tenant_id, before.id, body["version"], state=body["state"],
        scopes=body["scopes"],
    )  # fmt: skip
    if not done:
        raise DeclinedError("version_conflict")
    after = await _client(connection, asked)
    return Carried(result=after, before=asdict(before), after=asdict(after))


async def _renew_secret(connection: Connection, asked: Asked) -> Carried:
    found = await _client(connection, asked)
    secret = await clients.renew_secret(connection, asked.tenant_id, found.id)
    if secret is None:
        raise DeclinedError("not_found")
    return Carried(result=await _client(connection, asked), secret=secret)


def _user_of(asked: Asked) -> UUID:
    return UUID(asked.object.removeprefix("user/"))


async def _user(connection: Connection, asked: Asked) -> User:
    found = await users.find(connection, asked.tenant_id, _user_of(asked))
    if found is None:
        raise DeclinedError("not_found")
    return found


async def _client(connection: Connection, asked: Asked) -> Client:
    found = await clients.find(connection, asked.tenant_id, asked.object.removeprefix("client/"))
    if found is None:
        raise DeclinedError("not_found")
    return found


def _kind(event: str, carry_out: Handler, **more: Any) -> ChangeKind:
    return ChangeKind(event=event, scope="identity:read", carry_out=carry_out, **more)


KINDS = (
    _kind("user.create", _create_user, hidden=PERSONAL),
    _kind("user.change", _change_user, hidden=PERSONAL),
    _kind("user.invite", _invite, waits=False),
    _kind("user.ask-role", _granting(users.ask_grant)),
    _kind("user.activate-role", _granting(users.activate_grant)),
    _kind("user.revoke-role", _granting(users.revoke_grant)),
    _kind("role.create", _create_role),
    _kind("role.change", _change_role),
    _kind("api-client.create", _create_client),
    _kind("api-client.change", _change_client),
    _kind("api-client.renew-secret", _renew_secret, waits=False),
)
