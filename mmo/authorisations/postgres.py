"""Authorisation codes in Postgres: for how much, until when, and what is kept of the code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.keys.codes import KeptCode

Connection = AsyncConnection[Any]

TRIES_MAX = 5
"""Wrong codes that may be held against one; then it is good for nothing any more."""
ACTIVE_MAX = 10
"""Codes of one wallet that are good at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """A code that is to be good. `amount` in minor units."""

    id: UUID
    wallet: UUID
    amount: int
    currency: str
    amount_type: str
    expires_at: datetime
    kept: KeptCode
    made_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A code as it stands."""

    id: UUID
    wallet: UUID
    amount: int
    currency: str
    amount_type: str
    expires_at: datetime
    cancelled_at: datetime | None
    salt: bytes
    mac: bytes
    key_n: int
    tries: int
    made_at: datetime
    used: bool

    @property
    def code(self) -> KeptCode:
        """What is kept of it."""
        return KeptCode(salt=self.salt, mac=self.mac, key_n=self.key_n)

    def state(self, now: datetime) -> str:
        """`active`, `used`, `cancelled`, `locked` or `expired`."""
        if self.used:
            return "used"
        if self.cancelled_at is not None:
            return "cancelled"
        if self.tries >= TRIES_MAX:
            return "locked"
        return "active" if now < self.expires_at else "expired"

    def covers(self, minor: int) -> bool:
        """Whether it is good for so much."""
        return minor == self.amount if self.amount_type == "exact" else minor <= self.amount


_COLUMNS = """c.id, c.wallet, c.amount, c.currency::text, c.amount_type, c.expires_at,
              c.cancelled_at, c.salt, c.mac, c.key_n, c.tries, c.made_at, EXISTS (
                  SELECT FROM movements.claim t
                   WHERE t.tenant_id = c.tenant_id AND t.of = c.id AND t.taken > 0) AS used"""
_ACTIVE = """c.tenant_id = %(tenant)s AND c.wallet = %(wallet)s AND c.cancelled_at IS NULL
          AND c.expires_at > now() AND c.tries < %(tries)s AND NOT EXISTS (
              SELECT FROM movements.claim t
               WHERE t.tenant_id = c.tenant_id AND t.of = c.id AND t.taken > 0)"""


async def add(connection: Connection, tenant: int, new: NewCode) -> bool:
    """Keep a code. False: the wallet has as many active ones as it may."""
    about = {"tenant": tenant, "wallet": new.wallet, "tries": TRIES_MAX}
    await connection.execute(
        "SELECT FROM wallets.wallet WHERE tenant_id = %(tenant)s AND id = %(wallet)s FOR SHARE",
        about,
    )
    cursor = await connection.execute(
        f"SELECT count(*) FROM authorisations.code c WHERE {_ACTIVE}",  # noqa: S608 - our own
        about,
    )
    row = await cursor.fetchone()
    if row is not None and row[0] >= ACTIVE_MAX:
        return False
    await connection.execute(
        """INSERT INTO authorisations.code
           (tenant_id, id, wallet, amount, currency, amount_type, expires_at, salt, mac, key_n,
            made_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant, new.id, new.wallet, new.amount, new.currency, new.amount_type, new.expires_at,
            new.kept.salt, new.kept.mac, new.kept.key_n, new.made_by,
        ],
    )  # fmt: skip
    return True


async def listed(
    connection: Connection, tenant: int, wallet: UUID, before: UUID | None, limit: int
) -> list[CodeRow]:
    """A wallet's codes, the newest first."""
    cursor = connection.cursor(row_factory=class_row(CodeRow))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM authorisations.code c
             WHERE c.tenant_id = %s AND c.wallet = %s AND (%s::uuid IS NULL OR c.id < %s)
             ORDER BY c.id DESC LIMIT %s""",  # noqa: S608 - our own column list
        [tenant, wallet, before, before, limit],
    )
    return await cursor.fetchall()


async def find(connection: Connection, tenant: int, identifier: UUID) -> CodeRow | None:
    """A code by its id."""
    cursor = connection.cursor(row_factory=class_row(CodeRow))
    await cursor.execute(
        f"""SELECT {_COLUMNS} FROM authorisations.code c
             WHERE c.tenant_id = %s AND c.id = %s""",  # noqa: S608 - our own column list
        [tenant, identifier],
    )
    return await cursor.fetchone()


async def cancel(connection: Connection, tenant: int, identifier: UUID) -> None:
    """Let a code be good for nothing any more; one that was cancelled stays so."""
    await connection.execute(
        """UPDATE authorisations.code SET cancelled_at = coalesce(cancelled_at, now())
            WHERE tenant_id = %s AND id = %s""",
        [tenant, identifier],
    )


async def attempt(connection: Connection, tenant: int, wallet: UUID) -> list[CodeRow]:
    """Count a try of each active code of a wallet, before any is looked at; those there were."""
    cursor = connection.cursor(row_factory=class_row(CodeRow))
    await cursor.execute(
        f"""UPDATE authorisations.code c SET tries = c.tries + 1 WHERE {_ACTIVE}
            RETURNING {_COLUMNS}""",  # noqa: S608 - our own condition
        {"tenant": tenant, "wallet": wallet, "tries": TRIES_MAX},
    )
    return await cursor.fetchall()


async def forgive(connection: Connection, tenant: int, codes: Sequence[UUID]) -> None:
    """One of them was right: what was counted of all counts no more."""
    await connection.execute(
        """UPDATE authorisations.code SET tries = tries - 1
            WHERE tenant_id = %s AND id = ANY (%s) AND tries > 0""",
        [tenant, list(codes)],
    )
