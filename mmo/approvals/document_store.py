"""Signed documents as they were given: what a workflow lost with its history is found here."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def record(
    connection: Connection, tenant: int, about: UUID, identifier: str, document: str
) -> None:
    """Keep a document before it is signalled. Safe to repeat: it is known by its id."""
    await connection.execute(
        """INSERT INTO approvals.document (tenant_id, about, id, document)
           VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [tenant, about, identifier, document],
    )


async def recorded_at(
    connection: Connection, tenant: int, about: UUID, document: str
) -> int | None:
    """When exactly this document was recorded, in Unix seconds; None: it never was.

    A document expires within minutes. One that was recorded in time counts, whenever the workflow
    comes to read it.
    """
    cursor = await connection.execute(
        """SELECT extract(epoch FROM recorded_at)::bigint FROM approvals.document
            WHERE tenant_id = %s AND about = %s AND document = %s""",
        [tenant, about, document],
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def unread(connection: Connection, tenant: int, about: UUID) -> list[str]:
    """Documents that no vote was counted of, and that no step rests on, in the order they came."""
    cursor = await connection.execute(
        """SELECT o.document FROM approvals.document o
            WHERE o.tenant_id = %(tenant)s AND o.about = %(about)s
              AND NOT EXISTS (SELECT FROM approvals.decision d
                               WHERE d.tenant_id = o.tenant_id AND d.approval_id = o.about
                                 AND d.document = o.id)
              AND NOT EXISTS (SELECT FROM ledger.journal j
                               WHERE j.tenant_id = o.tenant_id AND j.txn = o.about
                                 AND j.meta ->> 'answer' = o.id)
            ORDER BY o.number""",
        {"tenant": tenant, "about": about},
    )
    return [row[0] for row in await cursor.fetchall()]
