"""Groups of tenants: who is in them, and whose tables they may read. Kept by a super-tenant."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group, with the slugs of its members."""

    id: UUID
    name: str
    version: int
    members: list[str]
    shares: list[tuple[str, str]]
    """Resource and owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a tenant may read of another, and by which group."""

    group: str
    resource: str
    owner: str


_GROUPS = """
SELECT g.id, g.name, g.version,
       (SELECT coalesce(jsonb_agg(t.slug ORDER BY t.slug), '[]') FROM tenancy.group_member m
          JOIN tenancy.tenant t ON t.id = m.member
         WHERE m.tenant_id = g.tenant_id AND m.group_id = g.id) AS members,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(s.resource, t.slug)
                                  ORDER BY s.resource, t.slug), '[]') FROM tenancy.group_share s
          JOIN tenancy.tenant t ON t.id = s.owner
         WHERE s.tenant_id = g.tenant_id AND s.group_id = g.id) AS shares
  FROM tenancy.tenant_group g WHERE g.tenant_id = %(tenant)s
"""


async def create(connection: AsyncConnection[Any], tenant: int, group: UUID, name: str) -> None:
    """Create a group without members. Raises psycopg.errors.UniqueViolation."""
    await connection.execute(
        "INSERT INTO tenancy.tenant_group (tenant_id, id, name) VALUES (%s, %s, %s)",
        [tenant, group, name],
    )


async def listed(
    connection: AsyncConnection[Any], tenant: int, after: str | None, limit: int
) -> list[Group]:
    """Groups by name, a page at a time."""
    cursor = connection.cursor(row_factory=class_row(Group))
    await cursor.execute(
        _GROUPS + "AND g.name > %(after)s ORDER BY g.name LIMIT %(limit)s",
        {"tenant": tenant, "after": after or "", "limit": limit},
    )
    return await cursor.fetchall()


async def find(connection: AsyncConnection[Any], tenant: int, group: UUID) -> Group | None:
    """One group."""
    cursor = connection.cursor(row_factory=class_row(Group))
    await cursor.execute(_GROUPS + "AND g.id = %(group)s", {"tenant": tenant, "group": group})
    return await cursor.fetchone()


async def change(connection: AsyncConnection[Any], tenant: int, group: UUID, version: int) -> bool:
    """Take a group that is at that version; False where it is not. It is filled anew then."""
    cursor = await connection.execute(
        """UPDATE tenancy.tenant_group SET version = version + 1
            WHERE tenant_id = %s AND id = %s AND version = %s""",
        [tenant, group, version],
    )
    return cursor.rowcount == 1


async def fill(
    connection: AsyncConnection[Any], tenant: int, group: UUID, members: Iterable[int],
    shares: Iterable[tuple[str, int]],
) -> None:  # fmt: skip
    """Make these the members, and this what is shared (resource, owner), in the transaction.

    Raises psycopg.errors.ForeignKeyViolation where an owner is no member.
    """
    await connection.execute(
        "DELETE FROM tenancy.group_share WHERE tenant_id = %s AND group_id = %s", [tenant, group]
    )
    await connection.execute(
        "DELETE FROM tenancy.group_member WHERE tenant_id = %s AND group_id = %s", [tenant, group]
    )
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO tenancy.group_member (tenant_id, group_id, member) VALUES (%s, %s, %s)",
            [(tenant, group, member) for member in sorted(set(members))],
        )
        await cursor.executemany(
            """INSERT INTO tenancy.group_share (tenant_id, group_id, resource, owner)
               VALUES (%s, %s, %s, %s)""",
            [(tenant, group, resource, owner) for resource, owner in sorted(set(shares))],
        )


async def shares_of_mine(connection: AsyncConnection[Any]) -> list[Share]:
    """What the tenant of the transaction may read of others, and what it shares itself."""
    cursor = connection.cursor(row_factory=class_row(Share))
    await cursor.execute(
        """SELECT s.group_name AS "group", s.resource, t.slug AS owner
             FROM tenancy.shares() s JOIN tenancy.tenant t ON t.id = s.owner
            ORDER BY 1, 2, 3"""
    )
    return await cursor.fetchall()
