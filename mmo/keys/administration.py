"""The life of keys: next, active, retired; disabled or destroyed when something went wrong.

The order of the two places is always the same. A key is made in the token first and written into
the register after, under one lock per tenant: a crash leaves an orphan that `reconcile` removes.
It is destroyed in the token first too: a crash leaves a row that `mmo doctor` names.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from mmo.keys.module import Pkcs11Module
from mmo.keys.ports import PLATFORM_ID, PLATFORM_PURPOSES, TENANT_PURPOSES, TYPES, Purpose
from mmo.keys.postgres import PostgresTrust
from mmo.keys.token import Stored
from mmo.keys.verifier import LIFE_MAX_S, SKEW_S
from mmo.tenancy.scope import scoped

GRACE_S = LIFE_MAX_S + SKEW_S
"""A retired key verifies until the last token that it signed has expired."""
_LOCKS = 7303


class KeyStateError(Exception):
    """What was asked cannot be done to a key in its state; the text says why."""


class KeyAdministration:
    """Makes, rotates, disables and destroys the keys of a tenant (0: the platform)."""

    def __init__(
        self, module: Pkcs11Module, trust: PostgresTrust, pool: AsyncConnectionPool[Any]
    ) -> None:
        self._module = module
        self._trust = trust
        self._pool = pool

    async def make(self, tenant_id: int, tenant: str) -> None:
        """Make what the tenant never had. Safe to repeat, also by two processes at once.

        What was disabled or destroyed on purpose stays so: only `rotate` makes a new one.
        """
        purposes = PLATFORM_PURPOSES if tenant_id == PLATFORM_ID else TENANT_PURPOSES
        async with self._changing(tenant_id) as connection:
            for purpose in purposes:
                if await self._count(connection, tenant_id, purpose) == 0:
                    await self._add(connection, tenant_id, tenant, purpose, "active")
                    if purpose in TYPES:
                        await self._add(connection, tenant_id, tenant, purpose, "next")

    async def rotate(self, tenant_id: int, tenant: str, purpose: Purpose) -> None:
        """Make the next key active; the one before retires, and signs nothing more.

        Raises KeyStateError for the blind index: its values were made with the one key.
        """
        if purpose is Purpose.MSISDN:
            raise KeyStateError("the blind index keeps its key: every number is found by it")
        async with self._changing(tenant_id) as connection:
            if await self._state(connection, tenant_id, purpose, "next") is None:
                await self._add(connection, tenant_id, tenant, purpose, "next")
            before = await self._state(connection, tenant_id, purpose, "active")
            await connection.execute(
                """UPDATE keys.key
                      SET state = 'retired', not_after = now() + make_interval(secs => %s)
                    WHERE tenant_id = %s AND purpose = %s AND state = 'active'""",
                [GRACE_S, tenant_id, purpose],
            )
            await connection.execute(
                """UPDATE keys.key SET state = 'active', not_before = now()
                    WHERE tenant_id = %s AND purpose = %s AND state = 'next'""",
                [tenant_id, purpose],
            )
            if purpose in TYPES:
                await self._add(connection, tenant_id, tenant, purpose, "next")
            if purpose is Purpose.KEK and before is not None:
                await self._wrap_again(connection, tenant_id, before)

    async def disable(self, tenant_id: int, purpose: Purpose) -> int:
        """Let nothing rely on the purpose's keys any more, the next one aside; how many."""
        async with self._changing(tenant_id) as connection:
            cursor = await connection.execute(
                """UPDATE keys.key SET state = 'disabled' WHERE tenant_id = %s AND purpose = %s
                      AND state IN ('active', 'retired')""",
                [tenant_id, purpose],
            )
            return cursor.rowcount

    async def destroy(self, tenant_id: int, purpose: Purpose) -> int:
        """Destroy every key of the purpose for good, in the token too; how many.

        What was enciphered under a destroyed KEK can be read by nobody ever again.
        """
        async with self._changing(tenant_id) as connection:
            cursor = await connection.execute(
                """SELECT id, pkcs11_id FROM keys.key WHERE tenant_id = %s AND purpose = %s
                      AND state <> 'destroyed'""",
                [tenant_id, purpose],
            )
            gone = await cursor.fetchall()
            for _, identifier in gone:
                await self._destroy(identifier)
            await connection.execute(
                "UPDATE keys.key SET state = 'destroyed' WHERE tenant_id = %s AND id = ANY (%s)",
                [tenant_id, [key for key, _ in gone]],
            )
            await connection.execute(
                """UPDATE keys.data_key SET state = 'destroyed', wrapped = ''
                    WHERE tenant_id = %s AND kek_id = ANY (%s)""",
                [tenant_id, [key for key, _ in gone]],
            )
            return len(gone)

    async def compare(self) -> tuple[list[Stored], list[str]]:
        """What the token has and the register has not, and the other way round."""
        stored = await self._module.run(lambda token: token.stored())
        async with self._pool.connection() as connection:
            await self._trust.read(connection)
        rows = self._trust.register.rows.values()
        registered = {row.pkcs11_id for row in rows}
        there = {one.id for one in stored}
        lost = [f"{row.tenant} {row.purpose} {row.n}" for row in rows if row.pkcs11_id not in there]
        return [one for one in stored if one.id not in registered], sorted(lost)

    async def reconcile(self) -> list[Stored]:
        """Destroy what a crash left in the token without a row; answer with it."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCKS])
            orphans, _ = await self.compare()
            for orphan in orphans:
                await self._destroy(orphan.id)
        return orphans

    @asynccontextmanager
    async def _changing(self, tenant_id: int) -> AsyncGenerator[AsyncConnection[Any]]:
        """One change at a time per tenant, and none while orphans are sought."""
        async with scoped(self._pool, tenant_id) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCKS])
            await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, tenant_id])
            yield connection
        async with self._pool.connection() as connection:
            await self._trust.read(connection)

    async def _add(
        self,
        connection: AsyncConnection[Any],
        tenant_id: int,
        tenant: str,
        purpose: Purpose,
        state: str,
    ) -> None:
        identifier = uuid4()
        number = await self._count(connection, tenant_id, purpose) + 1
        label = f"{tenant}/{purpose}/{number}"
        jwk = await self._module.run(
            lambda token: token.make(identifier.bytes, label, purpose), repeats=0
        )
        await connection.execute(
            """INSERT INTO keys.key (tenant_id, id, purpose, n, state, kid, public_jwk, pkcs11_id,
                                     not_before)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s = 'active' THEN now() END)""",
            [tenant_id, identifier, purpose, number, state, jwk and jwk["kid"],
             Jsonb(jwk) if jwk else None, identifier.bytes, state],
        )  # fmt: skip

    async def _wrap_again(
        self, connection: AsyncConnection[Any], tenant_id: int, before: tuple[UUID, bytes]
    ) -> None:
        """Wrap every data key under the KEK that is active now."""
        now = await self._state(connection, tenant_id, Purpose.KEK, "active")
        assert now is not None
        cursor = await connection.execute(
            """SELECT id, wrapped FROM keys.data_key WHERE tenant_id = %s AND kek_id = %s
                  AND state = 'active' FOR UPDATE""",
            [tenant_id, before[0]],
        )
        for key, wrapped in await cursor.fetchall():
            again = await self._module.run(
                lambda token, old=wrapped: token.wrap(now[1], token.unwrap(before[1], old))
            )
            await connection.execute(
                """UPDATE keys.data_key SET kek_id = %s, wrapped = %s
                    WHERE tenant_id = %s AND id = %s""",
                [now[0], again, tenant_id, key],
            )

    async def _destroy(self, identifier: bytes) -> None:
        await self._module.run(lambda token: token.destroy(identifier))

    async def _count(
        self, connection: AsyncConnection[Any], tenant_id: int, purpose: Purpose
    ) -> int:
        cursor = await connection.execute(
            "SELECT coalesce(max(n), 0) FROM keys.key WHERE tenant_id = %s AND purpose = %s",
            [tenant_id, purpose],
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def _state(
        self, connection: AsyncConnection[Any], tenant_id: int, purpose: Purpose, state: str
    ) -> tuple[UUID, bytes] | None:
        cursor = await connection.execute(
            """SELECT id, pkcs11_id FROM keys.key WHERE tenant_id = %s AND purpose = %s
                  AND state = %s""",
            [tenant_id, purpose, state],
        )
        return await cursor.fetchone()
