"""Webhook endpoints: where the operator's programs hear of events. Their secrets come sealed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind, Handler
from mmo.notifications import webhooks
from mmo.notifications.webhooks import Endpoint

Connection = AsyncConnection[Any]


async def _register(connection: Connection, asked: Asked) -> Carried:
    body = asked.body
    await webhooks.register(
        connection, asked.tenant_id, _endpoint(asked), url=body["url"],
        description=body["description"], events=body["events"], secret=asked.unkept,
        by=asked.actor.subject,
    )  # fmt: skip
    return Carried(result=await _found(connection, asked), after=body)


async def _disable(connection: Connection, asked: Asked) -> Carried:
    await _found(connection, asked)
    await webhooks.disable(connection, asked.tenant_id, _endpoint(asked), "asked")
    return Carried(result=await _found(connection, asked))


async def _rotate(connection: Connection, asked: Asked) -> Carried:
    await _found(connection, asked)
    await webhooks.rotate(
        connection, asked.tenant_id, _endpoint(asked), asked.unkept, datetime.now(UTC)
    )
    return Carried(result=await _found(connection, asked))


async def _redeliver(connection: Connection, asked: Asked) -> Carried:
    await _active(connection, asked)
    message = UUID(asked.body["delivery"])
    queued = await webhooks.redeliver(connection, asked.tenant_id, _endpoint(asked), message)
    if queued is None:
        raise DeclinedError("not_found")
    return Carried(result=queued)


async def _ping(connection: Connection, asked: Asked) -> Carried:
    await _active(connection, asked)
    message = UUID(asked.body["delivery"])
    queued = await webhooks.ping(
        connection, asked.tenant_id, _endpoint(asked), message, datetime.now(UTC)
    )
    return Carried(result=queued)


async def _active(connection: Connection, asked: Asked) -> None:
    """Raise DeclinedError for an endpoint that nothing is sent to."""
    if (await _found(connection, asked)).state != "active":
        raise DeclinedError("webhook_disabled")


def _endpoint(asked: Asked) -> UUID:
    return UUID(asked.object.removeprefix("webhook/"))


async def _found(connection: Connection, asked: Asked) -> Endpoint:
    found = await webhooks.endpoint(connection, asked.tenant_id, _endpoint(asked))
    if found is None:
        raise DeclinedError("not_found")
    return found


def _kind(action: str, carry_out: Handler, *, waits: bool = True) -> ChangeKind:
    return ChangeKind(
        event=f"webhook.{action}", scope="webhooks:read", carry_out=carry_out, waits=waits
    )


KINDS = (
    _kind("register", _register, waits=False),
    _kind("disable", _disable),
    _kind("rotate-secret", _rotate, waits=False),
    _kind("redeliver", _redeliver),
    _kind("ping", _ping),
)
