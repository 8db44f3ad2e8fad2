"""Writing down what reactions ask for: messages, deliveries and notices, each of them once.

The broker names a reaction; what it asks for is read from the feed, where only our own processes
write. So a message that somebody else has put into the stream brings nothing about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mmo.bep.processors import notification, sms, webhook
from mmo.keys.envelope import Envelope
from mmo.notifications import inbox, intake, messages, webhooks
from mmo.notifications.gsm import TooLongError, cut
from mmo.notifications.messages import PURPOSE, text_context
from mmo.notifications.writing import due_at, key_of, text_of, written
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant


class Unusable(Exception):  # noqa: N818 - it is no fault of ours
    """Nothing can be done with the reaction, however often it is tried."""


class Forged(Unusable):
    """The feed has no such reaction: whoever sent the message is none of ours."""


@dataclass(frozen=True, slots=True)
class _Reaction:
    tenant: Tenant
    id: UUID
    xid: int
    data: Mapping[str, Any]
    caused_by: Mapping[str, Any]


class Intake:
    """Takes reactions off the broker. Safe to repeat: each is known by its id."""

    def __init__(self, pool: AsyncConnectionPool[Any], envelope: Envelope) -> None:
        self._pool = pool
        self._envelope = envelope
        self._tenants = TenantRegister(pool)
        self._take = {
            sms.KIND: self._message,
            webhook.KIND: self._webhook,
            notification.KIND: self._notice,
        }

    async def take(self, kind: str, message: bytes) -> None:
        """Write down what one message of the broker points at. Raises Unusable.

        Raises KeysAwayError and NoKeyError too: a disabled key may come back.
        """
        reaction = await self._reaction(kind, message)
        if reaction is None:
            return
        try:
            await self._take[kind](reaction)
        except (TooLongError, Unusable) as error:
            await self._give_up(reaction)
            raise Unusable(str(error)) from error

    async def give_up(self, kind: str, message: bytes) -> None:
        """Remember that what the message points at was tried for long enough."""
        reaction = await self._reaction(kind, message)
        if reaction is not None:
            await self._give_up(reaction)

    async def _reaction(self, kind: str, message: bytes) -> _Reaction | None:
        """The reaction of that id, from the feed; None where it is done. Raises Forged."""
        slug, identifier = _named(message)
        tenant = await self._tenants.find(slug)
        if tenant is None:
            raise Forged(f"there is no tenant {slug}")
        async with self._pool.connection() as connection:
            found = await intake.requested(connection, tenant.id, identifier, kind)
        if found is None:
            raise Forged(f"the feed of {slug} has no {kind} {identifier}")
        if found.done:
            return None
        data = found.data
        return _Reaction(tenant, identifier, found.xid, data["data"], data["caused_by"])

    async def _give_up(self, reaction: _Reaction) -> None:
        async with self._pool.connection() as connection:
            await self._first_time(connection, reaction, "given_up")

    @staticmethod
    async def _first_time(
        connection: AsyncConnection[Any], reaction: _Reaction, outcome: str = "taken"
    ) -> bool:
        return await intake.record(
            connection, reaction.tenant.id, reaction.id, reaction.xid, outcome
        )

    async def _message(self, reaction: _Reaction) -> None:
        tenant, data = reaction.tenant, reaction.data
        async with self._pool.connection() as connection:
            language, _ = await messages.settings_of(connection, tenant.id)
        text = text_of(data["templates"], language, data, tenant.name, tenant.timezone)
        made = cut(text)
        definition = str(reaction.caused_by["definition"])
        sealed = await self._envelope.seal_text(
            tenant.slug, PURPOSE, text_context(reaction.id), text
        )
        async with self._pool.connection() as connection, connection.transaction():
            if not await self._first_time(connection, reaction):
                return
            await messages.queue(
                connection,
                tenant.id,
                reaction.id,
                wallet=UUID(data["wallet"]),
                definition=UUID(definition),
                text=sealed,
                coding=made.coding,
                segments=len(made.parts),
                dedupe=key_of(
                    data["dedupe_key"], data["wallet"], definition, data, tenant.timezone
                ),
                due_at=due_at(datetime.now(UTC), data["quiet_hours"], tenant.timezone),
            )

    async def _webhook(self, reaction: _Reaction) -> None:
        where, payload = UUID(reaction.data["endpoint"]), reaction.data["payload"]
        async with self._pool.connection() as connection, connection.transaction():
            if not await self._first_time(connection, reaction):
                return
            found = await webhooks.endpoint(connection, reaction.tenant.id, where)
            if found is None or found.state != "active":
                raise Unusable(f"the endpoint {where} is not active")
            if found.events and payload["type"] not in found.events:
                return
            body = orjson.dumps(payload).decode()
            await webhooks.deliver(connection, reaction.tenant.id, reaction.id, where, body)

    async def _notice(self, reaction: _Reaction) -> None:
        tenant, data = reaction.tenant, reaction.data
        async with self._pool.connection() as connection, connection.transaction():
            if not await self._first_time(connection, reaction):
                return
            language, _ = await messages.settings_of(connection, tenant.id)
            await inbox.put(
                connection,
                tenant.id,
                reaction.id,
                role=data["role"],
                office=data["office"],
                but=data["but"],
                topic=data["topic"],
                text=written(data["text"], language, data, tenant.name, tenant.timezone),
                about=data["about"],
            )


def _named(message: bytes) -> tuple[str, UUID]:
    """Tenant and id that a message names; nothing else of it is looked at. Raises Forged."""
    try:
        event = orjson.loads(message)
        return str(event["tenant"]), UUID(str(event["id"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise Forged("the message names no reaction") from error
