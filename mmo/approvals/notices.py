"""What is told of an approval: its events, and the audit's rows about votes."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection

from mmo.approvals.awaited import Awaited
from mmo.audit.record import Record
from mmo.messaging.event import Event
from mmo.messaging.postgres import append

IGNORED = UUID("0f7b6c2e-51a4-4a55-8f4d-2f0f3a7f7d10")
"""Namespace of the audit's rows about documents that do not count: one for each."""


def record_of(awaited: Awaited, actor: str, client: str, choice: str, **more: Any) -> Record:
    return Record(
        tenant_id=awaited.tenant_id,
        actor=actor,
        client=client,
        action=f"approval.{choice}",
        object=f"{awaited.kind}/{awaited.id}",
        **more,
    )


def ignored_record(awaited: Awaited, document: str, by: str, why: str) -> Record:
    return record_of(
        awaited, by, "", "decide", outcome="refused", reason=why[:200],
        id=uuid5(IGNORED, f"{awaited.id}/{document}"),
    )  # fmt: skip


async def append_notice(
    connection: AsyncConnection[Any], awaited: Awaited, what: str, about: dict[str, Any]
) -> None:
    """Append the event once: it is known by the approval and by what it says."""
    told = json.dumps([what, about], sort_keys=True, default=str)
    identifier = uuid5(UUID(awaited.id), told)
    cursor = await connection.execute(
        """SELECT coalesce(max(version), 0) + 1, bool_or(id = %s) FROM messaging.event
            WHERE tenant_id = %s AND aggregate = 'approval' AND aggregate_id = %s""",
        [identifier, awaited.tenant_id, awaited.id],
    )
    row = await cursor.fetchone()
    assert row is not None
    version, there = row
    if there:
        return
    data = {"kind": awaited.kind, "event": awaited.event, "maker": awaited.maker.subject,
            "roles": sorted(awaited.roles), "expires_at": awaited.expires_at,
            "summary": awaited.summary, **about}  # fmt: skip
    await append(
        connection,
        [
            Event(
                tenant_id=awaited.tenant_id, id=identifier, aggregate="approval",
                aggregate_id=UUID(awaited.id), version=version,
                type=f"mmo.approval.{what}.v1", actor=str(about.get("subject", "system")),
                occurred_at=datetime.now(UTC), data=data,
            )
        ],
    )  # fmt: skip
