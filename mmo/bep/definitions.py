"""Definitions: the triplet (business event, product, processor), and its versions, in Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.bep.event import Phase
from mmo.tenancy.four_eyes import FourEyes

FOUR_EYES = FourEyes("bep")
"""Whether a definition needs a second person."""
_COLUMNS = """d.id, d.event, d.phase, d.product, d.processor, d.created_by, d.created_at,
              d.retired_at, v.number, v.state, v.wanted, v.metadata, v.since, v.until, v.made_by,
              v.made_at, v.decided_by, v.decided_at"""
_FROM = """FROM bep.definition d
           JOIN bep.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a definition, with the triplet that it belongs to."""

    id: UUID
    event: str
    phase: str
    product: int | None
    processor: str
    created_by: str
    created_at: datetime
    retired_at: datetime | None
    number: int
    state: str
    wanted: str
    metadata: Any
    since: datetime | None
    until: datetime | None
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What a version is to be; `wanted`: active, shadow, or retired."""

    wanted: str
    metadata: Any
    made_by: str
    since: datetime | None = None
    until: datetime | None = None


async def create(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID, *, event: str, phase: Phase,
    product: int | None, processor: str, by: str,
) -> None:  # fmt: skip
    """Create the triplet. Raises psycopg.errors.UniqueViolation where there is one already."""
    await connection.execute(
        """INSERT INTO bep.definition (tenant_id, id, event, phase, product, processor, created_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        [tenant, identifier, event, phase.value, product, processor, by],
    )


async def lock(connection: AsyncConnection[Any], tenant: int, identifier: UUID) -> None:
    """Keep other changes of the definition out until the transaction ends."""
    await connection.execute(
        "SELECT 1 FROM bep.definition WHERE tenant_id = %s AND id = %s FOR NO KEY UPDATE",
        [tenant, identifier],
    )


async def add(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID, new: NewVersion
) -> int:
    """Add the next version, pending; one that was pending before is rejected by it."""
    await connection.execute(
        """UPDATE bep.version SET state = 'rejected', decided_by = %s, decided_at = now()
            WHERE tenant_id = %s AND definition_id = %s AND state = 'pending'""",
        [new.made_by, tenant, identifier],
    )
    cursor = await connection.execute(
        """INSERT INTO bep.version (tenant_id, definition_id, number, state, wanted, metadata,
                                    since, until, made_by)
           SELECT %(tenant)s, %(id)s, coalesce(max(number), 0) + 1, 'pending', %(wanted)s,
                  %(metadata)s, %(since)s, %(until)s, %(by)s
             FROM bep.version WHERE tenant_id = %(tenant)s AND definition_id = %(id)s
           RETURNING number""",
        {"tenant": tenant, "id": identifier, "wanted": new.wanted, "by": new.made_by,
         "metadata": Jsonb(new.metadata), "since": new.since, "until": new.until},
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def decide(
    connection: AsyncConnection[Any], tenant: int, version: Version, by: str, *, approve: bool
) -> None:
    """Put a pending version in force, or reject it. Decisions under the old rules turn stale.

    That is a trigger's work: it raises the version of all rules in this transaction.
    """
    state = version.wanted if approve else "rejected"
    if approve:
        ends = ("active", "shadow") if state == "retired" else (state,)
        await connection.execute(
            """UPDATE bep.version SET state = 'retired', ended_at = now()
                WHERE tenant_id = %s AND definition_id = %s AND state = ANY (%s)""",
            [tenant, version.id, list(ends)],
        )
    await connection.execute(
        """UPDATE bep.version SET state = %s, decided_by = %s, decided_at = now()
            WHERE tenant_id = %s AND definition_id = %s AND number = %s""",
        [state, by, tenant, version.id, version.number],
    )
    if state == "retired":
        await connection.execute(
            "UPDATE bep.definition SET retired_at = now() WHERE tenant_id = %s AND id = %s",
            [tenant, version.id],
        )


async def versions(
    connection: AsyncConnection[Any], tenant: int, identifier: UUID
) -> Sequence[Version]:
    """Every version of a definition, the newest first; none where there is no definition."""
    cursor = connection.cursor(row_factory=class_row(Version))
    await cursor.execute(
        f"""SELECT {_COLUMNS} {_FROM} WHERE d.tenant_id = %s AND d.id = %s
             ORDER BY v.number DESC""",
        [tenant, identifier],
    )
    return await cursor.fetchall()


async def listed(
    connection: AsyncConnection[Any], tenant: int, processor: str | None, before: UUID | None,
    limit: int,
) -> Sequence[Version]:  # fmt: skip
    """The newest version of each definition that is not retired, the newest definition first."""
    cursor = connection.cursor(row_factory=class_row(Version))
    await cursor.execute(
        f"""SELECT {_COLUMNS} {_FROM}
             WHERE d.tenant_id = %(tenant)s AND d.retired_at IS NULL
               AND (%(processor)s::text IS NULL OR d.processor = %(processor)s)
               AND (%(before)s::uuid IS NULL OR d.id < %(before)s)
               AND v.number = (SELECT max(number) FROM bep.version n
                                WHERE n.tenant_id = d.tenant_id AND n.definition_id = d.id)
             ORDER BY d.id DESC LIMIT %(limit)s""",  # noqa: S608
        {"tenant": tenant, "processor": processor, "before": before, "limit": limit},
    )
    return await cursor.fetchall()
