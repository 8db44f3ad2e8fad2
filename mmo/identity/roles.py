"""Roles: a number, a name, and the scopes that their holders may use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

_COLUMNS = "id, name, permissions, version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role of a tenant."""

    id: int
    name: str
    permissions: list[str]
    version: int


async def create(
    connection: AsyncConnection[Any], tenant: int, name: str, permissions: Iterable[str],
    identifier: int | None = None,
) -> Role:  # fmt: skip
    """Create a role; its number is the next one. Raises psycopg.errors.UniqueViolation."""
    cursor = connection.cursor(row_factory=class_row(Role))
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtext('identity.role'), %s)", [tenant]
    )
    await cursor.execute(
        f"""INSERT INTO identity.role (tenant_id, id, name, permissions)
            SELECT %(tenant)s::int,
                   coalesce(%(id)s::int, (SELECT greatest(max(id), 99) + 1 FROM identity.role
                                           WHERE tenant_id = %(tenant)s::int), 100),
                   %(name)s::text, %(permissions)s::text[]
            RETURNING {_COLUMNS}""",  # noqa: S608 - our own column list
        {"tenant": tenant, "id": identifier, "name": name, "permissions": sorted(permissions)},
    )
    made = await cursor.fetchone()
    assert made is not None
    return made


async def listed(connection: AsyncConnection[Any], tenant: int) -> list[Role]:
    """Every role, by number."""
    cursor = connection.cursor(row_factory=class_row(Role))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM identity.role WHERE tenant_id = %s ORDER BY id",  # noqa: S608
        [tenant],
    )
    return await cursor.fetchall()


async def find(connection: AsyncConnection[Any], tenant: int, identifier: int) -> Role | None:
    """One role."""
    cursor = connection.cursor(row_factory=class_row(Role))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM identity.role WHERE tenant_id = %s AND id = %s",  # noqa: S608
        [tenant, identifier],
    )
    return await cursor.fetchone()


async def change(
    connection: AsyncConnection[Any], tenant: int, identifier: int, version: int,
    permissions: Iterable[str],
) -> bool:  # fmt: skip
    """Give a role that is at that version other permissions; False where it is not."""
    cursor = await connection.execute(
        """UPDATE identity.role SET permissions = %s, version = version + 1
            WHERE tenant_id = %s AND id = %s AND version = %s""",
        [sorted(permissions), tenant, identifier, version],
    )
    return cursor.rowcount == 1
