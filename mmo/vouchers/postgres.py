"""Vouchers in Postgres: the recipient's number, sealed, and what is kept of the code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.keys.codes import KeptCode

Connection = AsyncConnection[Any]

TRIES_MAX = 5
"""Wrong codes in a row; then a voucher is paid out only once staff has unlocked it."""
OF_A_NUMBER_MAX = 50
"""Vouchers of one number that a code is compared with: the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherRow:
    """A voucher. `recipient` is the blind index of the number, `msisdn` the number sealed."""

    movement_id: UUID
    recipient: str
    msisdn: str
    currency: str
    salt: bytes
    mac: bytes
    key_n: int
    tries: int = 0

    @property
    def code(self) -> KeptCode:
        """What is kept of its code."""
        return KeptCode(salt=self.salt, mac=self.mac, key_n=self.key_n)


_COLUMNS = "movement_id, recipient, msisdn, currency, salt, mac, key_n, tries"


async def add(connection: Connection, tenant: int, row: VoucherRow) -> None:
    """Keep a voucher, in the transaction that accepts its movement."""
    await connection.execute(
        """INSERT INTO vouchers.voucher
                  (tenant_id, movement_id, recipient, msisdn, currency, salt, mac, key_n)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant, row.movement_id, row.recipient, row.msisdn, row.currency, row.salt, row.mac,
            row.key_n,
        ],
    )  # fmt: skip


async def find(connection: Connection, tenant: int, movement: UUID) -> VoucherRow | None:
    """Find a voucher by its movement."""
    cursor = connection.cursor(row_factory=class_row(VoucherRow))
    await cursor.execute(
        f"SELECT {_COLUMNS} FROM vouchers.voucher WHERE tenant_id = %s AND movement_id = %s",  # noqa: S608
        [tenant, movement],
    )
    return await cursor.fetchone()


async def attempt(connection: Connection, tenant: int, recipient: str) -> list[VoucherRow]:
    """Count a try of each of a number's vouchers, before its code is looked at; those not locked.

    Tries side by side are counted one by one.
    """
    cursor = connection.cursor(row_factory=class_row(VoucherRow))
    await cursor.execute(
        f"""UPDATE vouchers.voucher v SET tries = tries + 1
              FROM (SELECT movement_id AS id FROM vouchers.voucher
                     WHERE tenant_id = %(tenant)s AND recipient = %(recipient)s
                       AND tries < %(tries)s
                     ORDER BY movement_id DESC LIMIT %(most)s FOR NO KEY UPDATE) n
             WHERE v.tenant_id = %(tenant)s AND v.movement_id = n.id
         RETURNING {_COLUMNS}""",  # noqa: S608 - our own column list
        {
            "tenant": tenant, "recipient": recipient, "tries": TRIES_MAX, "most": OF_A_NUMBER_MAX,
        },
    )  # fmt: skip
    return await cursor.fetchall()


async def forgive(connection: Connection, tenant: int, vouchers: Sequence[UUID]) -> None:
    """The code was right, of one of them: what was counted of all counts no more."""
    await connection.execute(
        """UPDATE vouchers.voucher SET tries = tries - 1
            WHERE tenant_id = %s AND movement_id = ANY (%s) AND tries > 0""",
        [tenant, list(vouchers)],
    )


async def unlock(connection: Connection, tenant: int, movement: UUID) -> bool:
    """Let codes be tried again; false where there is no such voucher."""
    cursor = await connection.execute(
        "UPDATE vouchers.voucher SET tries = 0 WHERE tenant_id = %s AND movement_id = %s",
        [tenant, movement],
    )
    return cursor.rowcount == 1
