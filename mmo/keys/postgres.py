"""The register of keys in Postgres, as it is known to a process: told of a change at once."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import class_row

from mmo.keys.ports import PLATFORM, NoKeyError, Purpose, TrustedKey, issuer_of

CHANNEL = "mmo_keys"
LOOK_EVERY_S = 5.0
"""How old the register may be where a notification was lost."""
RECONNECT_S = 1.0
NEVER = 2**40

State = Literal["next", "active", "retired", "disabled", "destroyed"]
_log = structlog.get_logger()

_READ = """
SELECT k.tenant_id, coalesce(t.slug, %s) AS tenant, k.id, k.purpose, k.n, k.state, k.kid,
       k.public_jwk AS jwk, k.pkcs11_id, extract(epoch FROM k.not_after)::bigint AS not_after,
       k.version
  FROM keys.key k LEFT JOIN tenancy.tenant t ON t.id = k.tenant_id
 WHERE k.state <> 'destroyed' AND (k.tenant_id = 0 OR t.id IS NOT NULL)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key of the register."""

    tenant_id: int
    tenant: str
    id: UUID
    purpose: str
    n: int
    state: State
    kid: str | None
    jwk: Mapping[str, Any] | None
    pkcs11_id: bytes
    not_after: int | None
    """Unix seconds."""
    version: int


class Register:
    """Every key at one moment, found by what it is asked for."""

    def __init__(self, rows: Iterable[KeyRow] = (), issuer: str = "") -> None:
        self.rows = {row.id: row for row in rows}
        self._active = {
            (row.tenant, row.purpose): row for row in self.rows.values() if row.state == "active"
        }
        self._numbered = {(row.tenant, row.purpose, row.n): row for row in self.rows.values()}
        self.tenants = {row.tenant: row.tenant_id for row in self.rows.values()}
        self.trusted = {
            row.kid: _trusted(row, issuer) for row in self.rows.values()
            if row.kid is not None and row.state in ("next", "active", "retired")
        }  # fmt: skip

    def key(self, tenant: str, purpose: Purpose, number: int | None = None) -> KeyRow:
        """The active key, or the one of that number unless disabled. Raises NoKeyError."""
        if number is None:
            found = self._active.get((tenant, purpose))
        else:
            found = self._numbered.get((tenant, purpose, number))
        if found is None or found.state == "disabled":
            raise NoKeyError(f"{tenant} has no {purpose} key in use: `mmo keys list`")
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Register) and self.rows == other.rows

    __hash__ = None  # pyright: ignore[reportAssignmentType]


class PostgresTrust:
    """The Trust of every process: the public keys of all tenants, swapped as a whole."""

    def __init__(self, dsn: str, issuer: str) -> None:
        self._dsn = dsn
        self._issuer = issuer
        self._changed: list[Callable[[], None]] = []
        self.register = Register()

    def trusted(self) -> Mapping[str, TrustedKey]:
        """Every public key that may be relied on now, by kid."""
        return self.register.trusted

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this after each change of any key."""
        self._changed.append(call)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Self]:
        """Keep the register as it is in the database. Raises OperationalError where it is away."""
        async with await self._connect() as connection:
            await self.read(connection)
        task = asyncio.create_task(self._listen())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def refresh(self) -> None:
        """Read the register now."""
        async with await self._connect() as connection:
            await self.read(connection)

    async def read(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Read the register over a connection, and tell who waits for a change."""
        async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
            await cursor.execute(_READ, [PLATFORM])
            fresh = Register(await cursor.fetchall(), self._issuer)
        if fresh != self.register:
            self.register = fresh
            for call in self._changed:
                call()

    async def _listen(self) -> None:
        while True:
            try:
                async with await self._connect() as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        await self.read(connection)
                        async for _ in connection.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                            pass
            except (psycopg.Error, OSError) as error:
                _log.warning("keys.database_away", error=str(error).strip())
                await asyncio.sleep(RECONNECT_S)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)


def _trusted(row: KeyRow, issuer: str) -> TrustedKey:
    assert row.kid is not None
    return TrustedKey(
        kid=row.kid,
        tenant=row.tenant,
        issuer=issuer_of(issuer, row.tenant),
        purpose=Purpose(row.purpose),
        jwk=row.jwk or {},
        not_after=NEVER if row.not_after is None or row.state != "retired" else row.not_after,
    )
