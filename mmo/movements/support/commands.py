"""The command table: every accepted command, under the caller's own key, for ever."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mmo.tenancy.scope import scoped

Pool = AsyncConnectionPool[Any]

_COLUMNS = """movement_id, tenant_id, type, body, note, actor, client, granted, summary,
              accepted_at, state, outcome, fingerprint, roles, attributes, act, quoted"""


class IdempotencyKeyReusedError(Exception):
    """The same caller used the same key for another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """One accepted command, and the newest outcome that its caller waits for."""

    movement_id: UUID
    tenant_id: int
    type: str
    body: dict[str, Any]
    note: str | None
    actor: str
    client: str
    granted: list[str]
    summary: str
    accepted_at: datetime
    state: str
    outcome: dict[str, Any] | None
    fingerprint: bytes
    roles: list[str] = field(default_factory=list[str])
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    act: list[str] = field(default_factory=list[str])
    quoted: dict[str, Any] | None = None
    """The terms that a quote promised."""


def fingerprint_of(movement: str, body: Mapping[str, Any], note: str | None) -> bytes:
    """What makes two requests under one key the same."""
    seen = orjson.dumps([movement, body, note], option=orjson.OPT_SORT_KEYS)
    return sha256(seen).digest()


class Commands:
    """Accepts commands and finds them again."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def accept(
        self,
        row: CommandRow,
        key: str,
        keep: Callable[[AsyncConnection[Any]], Awaitable[None]] | None = None,
    ) -> tuple[CommandRow, bool]:
        """Keep the command under its key; answer with what is kept, and whether it is new.

        `keep` writes what belongs to a new one, in the same transaction.

        A repeat gets the first one back. Raises IdempotencyKeyReusedError where the key was used
        for another body or route.
        """
        async with scoped(self.pool, row.tenant_id) as connection:
            cursor = connection.cursor(row_factory=class_row(CommandRow))
            await cursor.execute(
                f"""INSERT INTO movements.command
                    (tenant_id, movement_id, client, key, fingerprint, type, body, note, actor,
                     granted, summary, accepted_at, roles, attributes, act, quoted)
                    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                    ON CONFLICT (tenant_id, client, key) DO NOTHING
                    RETURNING {_COLUMNS}""",  # noqa: S608 - our own column list
                [
                    row.tenant_id, row.movement_id, row.client, key, row.fingerprint, row.type,
                    Jsonb(row.body), row.note, row.actor, row.granted, row.summary,
                    row.accepted_at, row.roles, Jsonb(row.attributes), row.act,
                    Jsonb(row.quoted) if row.quoted else None,
                ],
            )  # fmt: skip
            if new := await cursor.fetchone():
                if keep is not None:
                    await keep(connection)
                return new, True
            kept = await self.repeated(connection, row, key)
        assert kept is not None, "a key that conflicts is there"
        return kept, False

    async def repeated(
        self, connection: AsyncConnection[Any], row: CommandRow, key: str
    ) -> CommandRow | None:
        """Find the command kept under the key. Raises IdempotencyKeyReusedError."""
        cursor = connection.cursor(row_factory=class_row(CommandRow))
        await cursor.execute(
            f"""SELECT {_COLUMNS} FROM movements.command
                 WHERE tenant_id = %s AND client = %s AND key = %s""",  # noqa: S608
            [row.tenant_id, row.client, key],
        )
        kept = await cursor.fetchone()
        if kept is not None and kept.fingerprint != row.fingerprint:
            raise IdempotencyKeyReusedError(key)
        return kept

    async def kept(self, row: CommandRow, key: str) -> CommandRow | None:
        """The command that is kept under the key. Raises IdempotencyKeyReusedError."""
        async with scoped(self.pool, row.tenant_id) as connection:
            return await self.repeated(connection, row, key)

    async def find(self, tenant: int, movement: UUID) -> CommandRow | None:
        """Find a command by its movement."""
        async with scoped(self.pool, tenant) as connection:
            cursor = connection.cursor(row_factory=class_row(CommandRow))
            await cursor.execute(
                f"""SELECT {_COLUMNS} FROM movements.command
                     WHERE tenant_id = %s AND movement_id = %s""",  # noqa: S608
                [tenant, movement],
            )
            return await cursor.fetchone()

    async def unanswered(self, older_than_s: float, limit: int) -> list[CommandRow]:
        """Commands of all tenants without an outcome for so long, the oldest first."""
        async with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(CommandRow))
            await cursor.execute(
                f"""SELECT {_COLUMNS} FROM movements.command
                     WHERE outcome IS NULL AND accepted_at < now() - make_interval(secs => %s)
                     ORDER BY accepted_at LIMIT %s""",  # noqa: S608
                [older_than_s, limit],
            )
            return await cursor.fetchall()

    async def waiting(self, after: datetime, limit: int) -> list[CommandRow]:
        """Commands of all tenants that wait for an answer, accepted after a moment, in order."""
        async with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(CommandRow))
            await cursor.execute(
                f"""SELECT {_COLUMNS} FROM movements.command
                     WHERE state LIKE 'pending%%' AND accepted_at > %s
                     ORDER BY accepted_at LIMIT %s""",  # noqa: S608
                [after, limit],
            )
            return await cursor.fetchall()

    async def stuck(self, limit: int) -> list[CommandRow]:
        """Commands of all tenants that are listed as stuck, the least mended first."""
        async with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(CommandRow))
            await cursor.execute(
                f"""SELECT {_COLUMNS} FROM movements.command
                      JOIN movements.stuck s USING (tenant_id, movement_id)
                     ORDER BY s.mends, s.since LIMIT %s""",  # noqa: S608
                [limit],
            )
            return await cursor.fetchall()

    async def count_stuck(self) -> dict[str, int]:
        """Reason → how many movements of all tenants are stuck for it; none are counted too."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                """SELECT r.reason, count(s.movement_id)
                     FROM unnest(ARRAY['task_fails', 'ended', 'paused', 'overdue']) r (reason)
                     LEFT JOIN movements.stuck s ON s.reason = r.reason GROUP BY r.reason"""
            )
            return dict(await cursor.fetchall())

    async def recorded_steps(self, tenant: int, movement: UUID) -> set[int]:
        """The numbers of a movement's steps that the books took or refused."""
        async with scoped(self.pool, tenant) as connection:
            cursor = await connection.execute(
                "SELECT step FROM ledger.journal WHERE tenant_id = %s AND txn = %s",
                [tenant, movement],
            )
            return {row[0] for row in await cursor.fetchall()}

    async def asks_for_approval(self, tenant: int, movement: UUID) -> bool:
        """Whether people are asked to agree to it, and there is time left."""
        async with scoped(self.pool, tenant) as connection:
            cursor = await connection.execute(
                """SELECT FROM approvals.approval
                    WHERE tenant_id = %s AND id = %s AND state = 'open' AND expires_at > now()""",
                [tenant, movement],
            )
            return await cursor.fetchone() is not None

    async def is_stranded(self, tenant: int, movement: UUID) -> bool:
        """Whether money lies on an account of a movement that waits no more."""
        async with scoped(self.pool, tenant) as connection:
            cursor = await connection.execute(
                "SELECT FROM movements.stranded_account WHERE tenant_id = %s AND movement = %s",
                [tenant, movement],
            )
            return await cursor.fetchone() is not None

    async def taken_back_by(self, tenant: int, movement: UUID) -> list[str]:
        """The reversals and refunds that have taken back of a movement, the oldest first."""
        async with scoped(self.pool, tenant) as connection:
            cursor = await connection.execute(
                """SELECT movement::text FROM movements.reversal
                    WHERE tenant_id = %s AND original = %s AND posted ORDER BY movement""",
                [tenant, movement],
            )
            return [row[0] for row in await cursor.fetchall()]
