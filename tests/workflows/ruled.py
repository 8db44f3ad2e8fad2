"""Rules, roles and people for tests: written straight into the tables."""

from typing import Any
from uuid import UUID

import orjson
from psycopg_pool import AsyncConnectionPool

from mmo.kernel.identifiers import mint
from tests.workflows.house import TENANT

SOMEBODY_ELSE = {"manager": "manager-1", "risk": "risk-1"}


async def put_rule(
    pool: AsyncConnectionPool[Any], processor: str, event: str, metadata: Any, *,
    state: str = "active", phase: str = "pre", product: int | None = None,
) -> UUID:  # fmt: skip
    """Write a definition in force; the next decision is made under it."""
    identifier = mint()
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(
            """INSERT INTO bep.definition
               (tenant_id, id, event, phase, product, processor, created_by)
               VALUES (%s, %s, %s, %s, %s, %s, 'tests')""",
            [TENANT.id, identifier, event, phase, product, processor],
        )
        await connection.execute(
            """INSERT INTO bep.version
               (tenant_id, definition_id, number, state, wanted, metadata, made_by)
               VALUES (%s, %s, 1, %s, %s, %s::jsonb, 'tests')""",
            [TENANT.id, identifier, state, state, orjson.dumps(metadata).decode()],
        )
        await connection.execute("SELECT ledger.raise_rules(%s)", [TENANT.id])
    return identifier


async def retire(pool: AsyncConnectionPool[Any], identifier: UUID) -> None:
    """Take a definition out of force."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(
            "UPDATE bep.version SET state = 'retired' WHERE definition_id = %s", [identifier]
        )
        await connection.execute(
            "UPDATE bep.definition SET retired_at = now() WHERE id = %s", [identifier]
        )
        await connection.execute("SELECT ledger.raise_rules(%s)", [TENANT.id])


async def give_roles(pool: AsyncConnectionPool[Any], subject: str, *roles: str) -> None:
    """A machine that holds roles from now on; without any, it holds none."""
    async with pool.connection() as connection:
        await connection.execute(
            """INSERT INTO identity.client
               (tenant_id, id, name, kind, grants, scopes, created_by, roles)
               VALUES (%s, %s, %s, 'confidential', '{client_credentials}', '{}', 'tests', %s)
               ON CONFLICT (tenant_id, id) DO UPDATE SET roles = excluded.roles""",
            [TENANT.id, subject, subject, list(roles)],
        )


def over(minor: int, *roles: str, **more: Any) -> dict[str, Any]:
    """Bands: from that amount on, somebody with one of the roles must agree."""
    return {
        "currency": "KES",
        "subject": "approver",
        "bands": [
            {"fromMinor": minor, "toMinor": None, "roles": list(roles), **more},
        ],
        "completeness": "contiguous",
    }
