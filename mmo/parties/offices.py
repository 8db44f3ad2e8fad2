"""Offices: the tree of branches that look after parties."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]
LEVELS_MAX = 16
"""Levels of the tree of offices."""

_COLUMNS = "id::text, name, parent::text, state, version, changed_by, changed_at"
_SELECT = f"SELECT {_COLUMNS} FROM parties.office WHERE tenant_id = %s "  # noqa: S608 - our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """An office. `state`: open or closed."""

    id: str
    name: str
    parent: str | None
    state: str
    version: int
    changed_by: str
    changed_at: datetime


async def find(
    connection: Connection, tenant: int, identifier: UUID, *, lock: bool = False
) -> Office | None:
    """One office; `lock`: it stays as it is until the transaction ends."""
    cursor = connection.cursor(row_factory=class_row(Office))
    sql = _SELECT + "AND id = %s" + (" FOR NO KEY UPDATE" if lock else "")
    await cursor.execute(sql.encode(), [tenant, identifier])
    return await cursor.fetchone()


async def listed(
    connection: Connection, tenant: int, after: UUID | None, limit: int
) -> list[Office]:
    """Offices by id, a page at a time."""
    cursor = connection.cursor(row_factory=class_row(Office))
    await cursor.execute(
        _SELECT + "AND (%s::uuid IS NULL OR id > %s) ORDER BY id LIMIT %s",
        [tenant, after, after, limit],
    )
    return await cursor.fetchall()


async def create(
    connection: Connection, tenant: int, identifier: UUID, name: str, parent: UUID | None, by: str
) -> Office:
    """Add an office. Raises psycopg.errors.UniqueViolation where the id is there already."""
    cursor = connection.cursor(row_factory=class_row(Office))
    await cursor.execute(
        f"""INSERT INTO parties.office (tenant_id, id, name, parent, changed_by)
            VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}""".encode(),  # noqa: S608
        [tenant, identifier, name, parent, by],
    )
    made = await cursor.fetchone()
    assert made is not None
    return made


async def change(
    connection: Connection, tenant: int, identifier: UUID, *, name: str, parent: UUID | None,
    state: str, by: str,
) -> Office:  # fmt: skip
    """Write an office that is locked, as its next version."""
    cursor = connection.cursor(row_factory=class_row(Office))
    await cursor.execute(
        f"""UPDATE parties.office
               SET name = %s, parent = %s, state = %s, changed_by = %s, changed_at = now(),
                   version = version + 1
             WHERE tenant_id = %s AND id = %s RETURNING {_COLUMNS}""".encode(),  # noqa: S608
        [name, parent, state, by, tenant, identifier],
    )
    made = await cursor.fetchone()
    assert made is not None
    return made


async def path(connection: Connection, tenant: int, identifier: UUID) -> list[str]:
    """The ids from an office to the top, itself first."""
    cursor = await connection.execute(
        """WITH RECURSIVE up (id, parent, level) AS (
                SELECT id, parent, 1 FROM parties.office
                 WHERE tenant_id = %(tenant)s AND id = %(id)s
                 UNION ALL
                SELECT o.id, o.parent, u.level + 1
                  FROM up u JOIN parties.office o ON o.tenant_id = %(tenant)s AND o.id = u.parent
                 WHERE u.level <= %(levels)s)
           SELECT id::text FROM up ORDER BY level""",
        {"tenant": tenant, "id": identifier, "levels": LEVELS_MAX},
    )
    return [row[0] for row in await cursor.fetchall()]


async def height(connection: Connection, tenant: int, identifier: UUID) -> int:
    """Levels of the tree from an office downwards: 1 where no office is below it."""
    cursor = await connection.execute(
        """WITH RECURSIVE down (id, level) AS (
                SELECT %(id)s::uuid, 1
                 UNION ALL
                SELECT o.id, d.level + 1
                  FROM down d JOIN parties.office o ON o.tenant_id = %(tenant)s AND o.parent = d.id
                 WHERE d.level <= %(levels)s)
           SELECT max(level) FROM down""",
        {"tenant": tenant, "id": identifier, "levels": LEVELS_MAX},
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def in_use(connection: Connection, tenant: int, identifier: UUID) -> bool:
    """Whether an office has offices below it that are open, or looks after parties."""
    cursor = await connection.execute(
        """SELECT EXISTS (SELECT FROM parties.office
                           WHERE tenant_id = %(tenant)s AND parent = %(id)s AND state = 'open')
               OR EXISTS (SELECT FROM parties.party
                           WHERE tenant_id = %(tenant)s AND office = %(id)s
                             AND state <> 'closed')""",
        {"tenant": tenant, "id": identifier},
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
