"""Code lists in Postgres: a tenant's own, and those that its groups share with it.

What is read is read in a transaction that was begun with `shared=("code_lists",)`. A list of the
tenant's own goes before one of the same name that is shared; of several owners the first counts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

RESOURCE = "code_lists"
_VALUE = "v.list, v.code, v.label, v.active, v.version, v.changed_by, v.changed_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """One list that the tenant may read."""

    list: str
    owner: str
    values: int
    active: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose list it is."""

    id: int
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a list."""

    list: str
    code: str
    label: str
    active: bool
    version: int
    changed_by: str
    changed_at: datetime


async def lists(connection: AsyncConnection[Any], tenant: int) -> list[CodeList]:
    """Every list that the tenant may read, once by its name."""
    cursor = connection.cursor(row_factory=class_row(CodeList))
    await cursor.execute(
        """SELECT DISTINCT ON (list) list, owner, values, active
             FROM (SELECT v.list, v.tenant_id, t.slug AS owner, count(*) AS values,
                          count(*) FILTER (WHERE v.active) AS active
                     FROM code_lists.value v JOIN tenancy.tenant t ON t.id = v.tenant_id
                    WHERE v.tenant_id = ANY (tenancy.visible('code_lists'))
                    GROUP BY v.list, v.tenant_id, t.slug) found
            ORDER BY list, tenant_id <> %s, tenant_id""",
        [tenant],
    )
    return await cursor.fetchall()


async def owner_of(connection: AsyncConnection[Any], tenant: int, name: str) -> Owner | None:
    """Whose list of that name the tenant reads; None where it may read none."""
    cursor = connection.cursor(row_factory=class_row(Owner))
    await cursor.execute(
        """SELECT t.id, t.slug FROM code_lists.value v JOIN tenancy.tenant t ON t.id = v.tenant_id
            WHERE v.tenant_id = ANY (tenancy.visible('code_lists')) AND v.list = %s
            ORDER BY v.tenant_id <> %s, v.tenant_id LIMIT 1""",
        [name, tenant],
    )
    return await cursor.fetchone()


async def values(
    connection: AsyncConnection[Any], owner: int, name: str, *, active: bool | None,
    after: str | None, limit: int,
) -> list[Value]:  # fmt: skip
    """The values of an owner's list by code, a page at a time."""
    cursor = connection.cursor(row_factory=class_row(Value))
    await cursor.execute(
        f"""SELECT {_VALUE} FROM code_lists.value v
             WHERE v.tenant_id = %(owner)s AND v.list = %(list)s AND v.code > %(after)s
               AND (%(active)s::boolean IS NULL OR v.active = %(active)s)
             ORDER BY v.code LIMIT %(limit)s""",  # noqa: S608 - our own column list
        {"owner": owner, "list": name, "after": after or "", "active": active, "limit": limit},
    )
    return await cursor.fetchall()


async def find(connection: AsyncConnection[Any], owner: int, name: str, code: str) -> Value | None:
    """One value of an owner's list."""
    cursor = connection.cursor(row_factory=class_row(Value))
    await cursor.execute(
        f"""SELECT {_VALUE} FROM code_lists.value v
             WHERE v.tenant_id = %s AND v.list = %s AND v.code = %s""",  # noqa: S608
        [owner, name, code],
    )
    return await cursor.fetchone()


async def create(
    connection: AsyncConnection[Any], tenant: int, name: str, code: str, *, label: str,
    active: bool, by: str,
) -> None:  # fmt: skip
    """Add a value. Raises psycopg.errors.UniqueViolation where it is there."""
    await connection.execute(
        """INSERT INTO code_lists.value (tenant_id, list, code, label, active, changed_by)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        [tenant, name, code, label, active, by],
    )


async def change(
    connection: AsyncConnection[Any], tenant: int, name: str, code: str, version: int, *,
    label: str, active: bool, by: str,
) -> bool:  # fmt: skip
    """Change a value that is at that version; False where it is not."""
    cursor = await connection.execute(
        """UPDATE code_lists.value
              SET label = %s, active = %s, version = version + 1, changed_by = %s,
                  changed_at = now()
            WHERE tenant_id = %s AND list = %s AND code = %s AND version = %s""",
        [label, active, by, tenant, name, code, version],
    )
    return cursor.rowcount == 1
