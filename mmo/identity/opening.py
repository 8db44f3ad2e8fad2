"""Opening a tenant's identity: its policy, its first roles, programs and administrator."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection

from mmo.identity.clients import CODE, EXCHANGE, REFRESH
from mmo.identity.standard import ADMINISTRATOR, standard_roles, super_roles
from mmo.identity.users import INVITATION_S

OPENER = "platform/onboarding"
"""Who grants the first role of a tenant; whoever asked for the tenant asked for it."""
_FIRST = UUID("0b5f1c1e-21cf-4d5c-9d41-1c8a3f6f6c11")
"""Namespace of the ids of first administrators."""


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


async def open_administrator(
    connection: AsyncConnection[Any], tenant: int, *, username: str, name: str, invitation: bytes,
    asked_by: str,
) -> UUID:  # fmt: skip
    """Invite the first administrator, whose role is active. Safe to repeat: once by the tenant."""
    identifier = uuid5(_FIRST, str(tenant))
    await connection.execute(
        """INSERT INTO identity.user_account
           (tenant_id, id, username, name, attributes, state, created_by, invitation, invited_until)
           VALUES (%s, %s, %s, %s, '{}', 'invited', %s, %s, now() + make_interval(secs => %s))
           ON CONFLICT DO NOTHING""",
        [tenant, identifier, username, name, asked_by, invitation, INVITATION_S],
    )
    await connection.execute(
        """INSERT INTO identity.role_grant
           (tenant_id, user_id, role_id, state, asked_by, decided_by, decided_at)
           VALUES (%s, %s, %s, 'active', %s, %s, now()) ON CONFLICT DO NOTHING""",
        [tenant, identifier, ADMINISTRATOR, asked_by, OPENER],
    )
    return identifier


async def open_programs(
    connection: AsyncConnection[Any], tenant: int, scopes: Iterable[str], console: str | None
) -> None:
    """Create the console that staff log in from, and the entry of guests. Safe to repeat."""
    programs = [("entry", "Entry from another tenant", [EXCHANGE], list[str]())]
    if console is not None:
        programs.append(("console", "Back office console", [CODE, REFRESH], [console]))
    for identifier, name, grants, addresses in programs:
        await connection.execute(
            """INSERT INTO identity.client
               (tenant_id, id, name, kind, grants, scopes, redirect_uris, created_by)
               VALUES (%s, %s, %s, 'public', %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [tenant, identifier, name, grants, sorted(scopes), addresses, OPENER],
        )
