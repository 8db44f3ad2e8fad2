"""The audit log, in Postgres: append-only."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mmo.audit.record import Record
from mmo.tenancy.scope import scoped


async def append(connection: AsyncConnection[Any], record: Record) -> None:
    """Append a record in the caller's transaction, which is the record's tenant's. Once by its id.

    The record then stands exactly where the change stands that it tells of.
    """
    await connection.execute(
        """INSERT INTO audit.record
           (tenant_id, id, actor, client, act, action, object, outcome, reason, before, after,
            request_id, ip, workflow_id)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant_id, id) DO NOTHING""",
        [
            record.tenant_id, record.id, record.actor, record.client, Jsonb(list(record.act)),
            record.action, record.object, record.outcome, record.reason, record.before,
            record.after, record.request_id, record.ip, record.workflow_id,
        ],
    )  # fmt: skip


class AuditLog:
    """Notes what changes nothing, or was refused: reads with a reason, and failed attempts."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def note(self, record: Record) -> None:
        """Append a record in a transaction of its own. Safe to repeat with the same record."""
        async with scoped(self._pool, record.tenant_id) as connection:
            await append(connection, record)
