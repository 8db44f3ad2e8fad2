"""Opening a tenant's identity: its policy, and the roles that it begins with."""

from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection

from mmo.identity.standard import standard_roles, super_roles


async def open_identity(
    connection: AsyncConnection[Any], tenant: int, kind: str, scopes: Iterable[str]
) -> None:
    """Write what is missing, in the open transaction. Safe to repeat: what is there stays."""
    await connection.execute(
        "INSERT INTO identity.policy (tenant_id) VALUES (%s) ON CONFLICT DO NOTHING", [tenant]
    )
    roles = super_roles(scopes) if kind == "super" else standard_roles(scopes)
    for number, (name, permissions) in roles.items():
        await connection.execute(
            """INSERT INTO identity.role (tenant_id, id, name, permissions)
               VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [tenant, number, name, sorted(permissions)],
        )
