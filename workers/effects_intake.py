"""Writing down what reactions ask for: messages, deliveries and notices, each of them once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg_pool import AsyncConnectionPool

from mmo.bep.processors import notification, sms, webhook
from mmo.keys.envelope import Envelope
from mmo.notifications import inbox, messages, webhooks
from mmo.notifications.gsm import TooLongError, cut
from mmo.notifications.messages import PURPOSE, text_context
from mmo.notifications.writing import due_at, key_of, text_of, written
from mmo.tenancy.postgres import TenantRegister
from mmo.tenancy.tenant import Tenant

KINDS = (sms.KIND, webhook.KIND, notification.KIND)


class Unusable(Exception):  # noqa: N818 - it is no fault of ours
    """Nothing can be done with the reaction, however often it is tried."""


@dataclass(frozen=True, slots=True)
class _Reaction:
    tenant: Tenant
    id: UUID
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

    async def take(self, kind: str, told: bytes) -> None:
        """Write down what one message of the broker asks for. Raises Unusable.

        Raises KeysAwayError and NoKeyError too: a disabled key may come back.
        """
        event = orjson.loads(told)
        tenant = await self._tenants.find(event["tenant"])
        if tenant is None:
            raise Unusable(f"there is no tenant {event['tenant']}")
        data = event["data"]
        reaction = _Reaction(tenant, UUID(event["id"]), data["data"], data["caused_by"])
        try:
            await self._take[kind](reaction)
        except TooLongError as error:
            raise Unusable(str(error)) from error

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
