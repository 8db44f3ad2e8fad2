"""Webhooks in Postgres: endpoints with their secrets, and what is delivered to them."""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from standardwebhooks import Webhook

Connection = AsyncConnection[Any]

SECRET_BYTES = 24
OVERLAP = timedelta(hours=24)
"""How long the former secret signs too, after a rotation."""
PURPOSE = "pii"
PING = "webhook.ping"
DISABLED = "the endpoint is disabled"
Because = Literal["asked", "gone"]
"""Why an endpoint is disabled: staff have asked for it, or its receiver answered 410."""
_ENDPOINT = """id, url, description, events, state, secret, former_secret, former_until,
               created_by, created_at, version, disabled_because"""
_DELIVERY = """tenant_id, id, endpoint_id, body, state, tries, due_at, status, said, created_at,
               changed_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a program wants to hear of events. Secrets are sealed."""

    id: UUID
    url: str
    description: str
    events: Sequence[str]
    state: str
    secret: str
    former_secret: str | None
    former_until: datetime | None
    created_by: str
    created_at: datetime
    version: int
    disabled_because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one endpoint."""

    tenant_id: int
    id: UUID
    endpoint_id: UUID
    body: str
    state: str
    tries: int
    due_at: datetime
    status: int | None
    said: str
    created_at: datetime
    changed_at: datetime


def new_secret() -> str:
    """A fresh secret, as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def context_of(endpoint: UUID) -> bytes:
    """To what a sealed secret is bound."""
    return f"webhook.secret|{endpoint}".encode()


def signed(identifier: UUID, body: str, keys: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks: a signature by each secret that counts now."""
    signatures = [Webhook(secret).sign(str(identifier), at, body) for secret in keys]
    return {
        "webhook-id": str(identifier),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


async def endpoints(
    connection: Connection, tenant: int, after: UUID | None, limit: int
) -> list[Endpoint]:
    """An operator's endpoints, by id."""
    cursor = connection.cursor(row_factory=class_row(Endpoint))
    query = f"""SELECT {_ENDPOINT} FROM notifications.endpoint
                 WHERE tenant_id = %s AND (%s::uuid IS NULL OR id > %s)
                 ORDER BY id LIMIT %s"""  # noqa: S608 - our own column list
    await cursor.execute(query.encode(), [tenant, after, after, limit])
    return await cursor.fetchall()


async def endpoint(connection: Connection, tenant: int, identifier: UUID) -> Endpoint | None:
    """One endpoint."""
    cursor = connection.cursor(row_factory=class_row(Endpoint))
    query = f"""SELECT {_ENDPOINT} FROM notifications.endpoint
                 WHERE tenant_id = %s AND id = %s"""  # noqa: S608 - our own column list
    await cursor.execute(query.encode(), [tenant, identifier])
    return await cursor.fetchone()


async def register(
    connection: Connection,
    tenant: int,
    identifier: UUID,
    *,
    url: str,
    description: str,
    events: Sequence[str],
    secret: str,
    by: str,
) -> None:
    """Write an endpoint down, with its sealed secret."""
    await connection.execute(
        """INSERT INTO notifications.endpoint (tenant_id, id, url, description, events, secret,
                                               created_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        [tenant, identifier, url, description, list(events), secret, by],
    )


async def rotate(
    connection: Connection, tenant: int, identifier: UUID, secret: str, at: datetime
) -> None:
    """Give it another secret; the former one signs too for a day."""
    await connection.execute(
        """UPDATE notifications.endpoint
              SET former_secret = secret, former_until = %s, secret = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s""",
        [at + OVERLAP, secret, tenant, identifier],
    )


async def disable(connection: Connection, tenant: int, identifier: UUID, because: Because) -> None:
    """Send nothing more to it, in the open transaction: what waits is given up untried."""
    await connection.execute(
        """UPDATE notifications.endpoint
              SET state = 'disabled', disabled_because = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s AND state = 'active'""",
        [because, tenant, identifier],
    )
    await connection.execute(
        """UPDATE notifications.delivery SET state = 'dead', said = %s, changed_at = now()
            WHERE tenant_id = %s AND endpoint_id = %s AND state = 'queued'""",
        [DISABLED, tenant, identifier],
    )


async def rest(connection: Connection, tenant: int, identifier: UUID, for_s: float) -> None:
    """Send it nothing for so long, whatever waits."""
    await connection.execute(
        """UPDATE notifications.endpoint SET rests_until = now() + %s * interval '1 second'
            WHERE tenant_id = %s AND id = %s""",
        [for_s, tenant, identifier],
    )


async def ping(
    connection: Connection, tenant: int, where: UUID, identifier: UUID, at: datetime
) -> Delivery | None:
    """Queue a message that says nothing, whichever events the endpoint wants to hear of."""
    told = {"type": PING, "id": str(identifier), "timestamp": at.isoformat()}
    await deliver(connection, tenant, identifier, where, json.dumps(told))
    cursor = connection.cursor(row_factory=class_row(Delivery))
    query = f"""SELECT {_DELIVERY} FROM notifications.delivery
                 WHERE tenant_id = %s AND endpoint_id = %s AND id = %s"""  # noqa: S608
    await cursor.execute(query.encode(), [tenant, where, identifier])
    return await cursor.fetchone()


async def deliver(
    connection: Connection, tenant: int, identifier: UUID, where: UUID, body: str
) -> None:
    """Queue a message for an endpoint; a repeat does nothing."""
    await connection.execute(
        """INSERT INTO notifications.delivery (tenant_id, id, endpoint_id, body)
           VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [tenant, identifier, where, body],
    )


async def deliveries(
    connection: Connection,
    tenant: int,
    where: UUID,
    state: str | None,
    after: UUID | None,
    limit: int,
) -> list[Delivery]:
    """What was, or is to be, delivered to an endpoint, by id."""
    cursor = connection.cursor(row_factory=class_row(Delivery))
    query = f"""SELECT {_DELIVERY} FROM notifications.delivery
                 WHERE tenant_id = %s AND endpoint_id = %s AND (%s::text IS NULL OR state = %s)
                   AND (%s::uuid IS NULL OR id > %s)
                 ORDER BY id LIMIT %s"""  # noqa: S608 - our own column list
    await cursor.execute(query.encode(), [tenant, where, state, state, after, after, limit])
    return await cursor.fetchall()


async def due(connection: Connection, busy: Sequence[UUID], limit: int) -> list[Delivery]:
    """The delivery that waits longest, of each endpoint that nothing is under way to."""
    cursor = connection.cursor(row_factory=class_row(Delivery))
    query = f"""SELECT DISTINCT ON (tenant_id, endpoint_id) {_DELIVERY}
                  FROM (SELECT * FROM notifications.delivery
                         WHERE state = 'queued' AND due_at <= now() AND endpoint_id <> ALL (%s)
                           AND NOT EXISTS (SELECT FROM notifications.endpoint e
                                            WHERE e.tenant_id = delivery.tenant_id
                                              AND e.id = delivery.endpoint_id
                                              AND e.rests_until > now())
                         ORDER BY due_at LIMIT 1000) d
                 ORDER BY tenant_id, endpoint_id, due_at LIMIT %s"""  # noqa: S608
    await cursor.execute(query.encode(), [list(busy), limit])
    return await cursor.fetchall()


async def tried(
    connection: Connection,
    delivery: Delivery,
    *,
    state: str,
    status: int | None,
    said: str,
    after_s: float,
) -> None:
    """Remember how a try went, and when the next one is."""
    await connection.execute(
        """UPDATE notifications.delivery
              SET state = %s, tries = tries + 1, status = %s, said = %s, changed_at = now(),
                  due_at = now() + %s * interval '1 second'
            WHERE tenant_id = %s AND id = %s""",
        [state, status, said[:1024], after_s, delivery.tenant_id, delivery.id],
    )


async def redeliver(
    connection: Connection, tenant: int, where: UUID, identifier: UUID
) -> Delivery | None:
    """Queue a dead letter, or a delivered one, once more; None where there is none."""
    cursor = connection.cursor(row_factory=class_row(Delivery))
    query = f"""UPDATE notifications.delivery
                   SET state = 'queued', tries = 0, due_at = now(), changed_at = now()
                 WHERE tenant_id = %s AND endpoint_id = %s AND id = %s
             RETURNING {_DELIVERY}"""  # noqa: S608 - our own column list
    await cursor.execute(query.encode(), [tenant, where, identifier])
    return await cursor.fetchone()
