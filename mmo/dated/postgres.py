"""Dated terms in Postgres: definitions and their versions, and what a process holds of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.dated.term import Term
from mmo.dated.timeline import Period, Place, placed, retired
from mmo.tenancy.four_eyes import FourEyes
from mmo.tenancy.versioned import Pool, T, Versioned

Connection = AsyncConnection[Any]
FOUR_EYES = FourEyes("dated")
"""Whether a version needs a second person; one policy for terms of all kinds."""
_COLUMNS = """d.id, d.kind, d.key, d.retired_at, v.number, v.title, v.state, v.wanted, v.content,
              v.since, v.until, v.made_by, v.made_at, v.decided_by, v.decided_at"""
_FROM = """FROM dated.definition d
           JOIN dated.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a definition, with what it is for."""

    id: UUID
    kind: str
    key: Mapping[str, Any]
    retired_at: datetime | None
    number: int
    title: str
    state: str
    """`pending`, `active` (in force, to come or past), `rejected`, `withdrawn` or `retired`."""
    wanted: str
    """What approval makes of it: `active`, or `retired`, which ends the definition."""
    content: Any
    since: datetime | None
    until: datetime | None
    made_by: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What a version is to be."""

    title: str
    content: Any
    made_by: str
    wanted: str = "active"
    since: datetime | None = None
    until: datetime | None = None


async def create(
    connection: Connection, tenant: int, identifier: UUID, kind: str, key: Mapping[str, Any],
    by: str,
) -> None:  # fmt: skip
    """Create a definition. Raises psycopg.errors.UniqueViolation where its key has one already."""
    await connection.execute(
        """INSERT INTO dated.definition (tenant_id, id, kind, key, created_by)
           VALUES (%s, %s, %s, %s, %s)""",
        [tenant, identifier, kind, Jsonb(dict(key)), by],
    )


async def lock(connection: Connection, tenant: int, identifier: UUID) -> None:
    """Keep other changes of the definition out until the transaction ends."""
    await connection.execute(
        "SELECT 1 FROM dated.definition WHERE tenant_id = %s AND id = %s FOR NO KEY UPDATE",
        [tenant, identifier],
    )


async def add(connection: Connection, tenant: int, identifier: UUID, new: NewVersion) -> int:
    """Add the next version, pending; one that was pending before is rejected by it.

    The definition is locked. Raises TermError where the version would not fit by now.
    """
    await _place(connection, tenant, identifier, new)
    await connection.execute(
        """UPDATE dated.version SET state = 'rejected', decided_by = %s, decided_at = now()
            WHERE tenant_id = %s AND definition_id = %s AND state = 'pending'""",
        [new.made_by, tenant, identifier],
    )
    cursor = await connection.execute(
        """INSERT INTO dated.version (tenant_id, definition_id, number, title, state, wanted,
                                      content, since, until, made_by)
           SELECT %(tenant)s, %(id)s, coalesce(max(number), 0) + 1, %(title)s, 'pending',
                  %(wanted)s, %(content)s, %(since)s, %(until)s, %(by)s
             FROM dated.version WHERE tenant_id = %(tenant)s AND definition_id = %(id)s
           RETURNING number""",
        {"tenant": tenant, "id": identifier, "title": new.title, "wanted": new.wanted,
         "content": Jsonb(new.content), "since": new.since, "until": new.until,
         "by": new.made_by},
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def approve(connection: Connection, tenant: int, version: Version, by: str) -> None:
    """Put a pending version into the timeline. Decisions under the old terms turn stale.

    The definition is locked. Raises TermError where it does not fit any more.
    """
    place = await _place(connection, tenant, version.id, version)
    await connection.execute(
        """UPDATE dated.version SET until = %s
            WHERE tenant_id = %s AND definition_id = %s AND number = %s""",
        [place.since, tenant, version.id, place.ends],
    )
    await connection.execute(
        """UPDATE dated.version SET state = 'withdrawn'
            WHERE tenant_id = %s AND definition_id = %s AND number = ANY (%s)""",
        [tenant, version.id, list(place.withdrawn)],
    )
    await _decide(connection, tenant, version, by, version.wanted, place.since)
    if version.wanted == "retired":
        await connection.execute(
            "UPDATE dated.definition SET retired_at = %s WHERE tenant_id = %s AND id = %s",
            [place.since, tenant, version.id],
        )


async def reject(connection: Connection, tenant: int, version: Version, by: str) -> None:
    """Let a pending version never be in force. The definition is locked."""
    await _decide(connection, tenant, version, by, "rejected", version.since)


async def versions(connection: Connection, tenant: int, identifier: UUID) -> Sequence[Version]:
    """Every version of a definition, the newest first; none where there is no definition."""
    cursor = connection.cursor(row_factory=class_row(Version))
    await cursor.execute(
        f"""SELECT {_COLUMNS} {_FROM} WHERE d.tenant_id = %s AND d.id = %s
             ORDER BY v.number DESC""",
        [tenant, identifier],
    )
    return await cursor.fetchall()


async def listed(
    connection: Connection, tenant: int, kind: str, about: Mapping[str, Any],
    before: UUID | None, limit: int,
) -> Sequence[Version]:  # fmt: skip
    """The newest version of each definition that has not ended, the newest definition first.

    `about`: members that the key must have.
    """
    cursor = connection.cursor(row_factory=class_row(Version))
    await cursor.execute(
        f"""SELECT {_COLUMNS} {_FROM}
             WHERE d.tenant_id = %(tenant)s AND d.kind = %(kind)s AND d.key @> %(about)s
               AND (d.retired_at IS NULL OR d.retired_at > now())
               AND (%(before)s::uuid IS NULL OR d.id < %(before)s)
               AND v.number = (SELECT max(number) FROM dated.version n
                                WHERE n.tenant_id = d.tenant_id AND n.definition_id = d.id)
             ORDER BY d.id DESC LIMIT %(limit)s""",  # noqa: S608
        {"tenant": tenant, "kind": kind, "about": Jsonb(dict(about)), "before": before,
         "limit": limit},
    )  # fmt: skip
    return await cursor.fetchall()


async def _decide(
    connection: Connection, tenant: int, version: Version, by: str, state: str,
    since: datetime | None,
) -> None:  # fmt: skip
    await connection.execute(
        """UPDATE dated.version SET state = %s, since = %s, decided_by = %s, decided_at = now()
            WHERE tenant_id = %s AND definition_id = %s AND number = %s""",
        [state, since, by, tenant, version.id, version.number],
    )


async def _place(
    connection: Connection, tenant: int, identifier: UUID, new: Version | NewVersion
) -> Place:
    """Where a version goes in the timeline as it is now. Raises TermError."""
    cursor = await connection.execute(
        """SELECT clock_timestamp(), (
                  SELECT max(f.retired_at) FROM dated.definition f
                   WHERE f.tenant_id = d.tenant_id AND f.kind = d.kind AND f.key = d.key
                     AND f.id <> d.id)
             FROM dated.definition d WHERE d.tenant_id = %s AND d.id = %s""",
        [tenant, identifier],
    )
    row = await cursor.fetchone()
    assert row is not None
    now, free_from = row
    reading = connection.cursor(row_factory=class_row(Period))
    await reading.execute(
        """SELECT number, since, until FROM dated.version
            WHERE tenant_id = %s AND definition_id = %s AND state = 'active'""",
        [tenant, identifier],
    )
    approved = await reading.fetchall()
    if new.wanted == "retired":
        return retired(approved, new.since, now=now)
    return placed(approved, new.since, new.until, now=now, free_from=free_from)


class Held(Versioned[T]):
    """The terms of all tenants, compiled: one read serves every kind of them."""

    def __init__(self, pool: Pool, compiled: Callable[[int, Sequence[Term]], T], empty: T) -> None:
        """`compiled` is given the version of all rules, and the terms of all kinds."""
        super().__init__(pool, empty)
        self._compiled = compiled

    async def _read(self, connection: Connection, tenant: int) -> T:
        cursor = await connection.execute("SELECT dated.in_force(%s)", [tenant])
        row = await cursor.fetchone()
        told: Mapping[str, Any] = (row and row[0]) or {"version": 0, "terms": []}
        return self._compiled(told["version"], [term_of(one) for one in told["terms"]])


def term_of(row: Mapping[str, Any]) -> Term:
    """A term as `dated.in_force` tells it."""
    until = row["until"]
    return Term(
        kind=row["kind"],
        id=row["id"],
        key=row["key"],
        number=row["number"],
        content=row["content"],
        since=datetime.fromisoformat(row["since"]),
        until=datetime.fromisoformat(until) if until else None,
    )
