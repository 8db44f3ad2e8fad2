"""The proof of the trust: what banks say they hold for clients, against the e-money there is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from mmo.books.postgres import TrialLine

Connection = AsyncConnection[Any]
TRUST = "TRUST_BANK"
"""The code of the account that mirrors what the banks hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A bank's statement of a day, in minor units: what it owes."""

    bank: str
    currency: str
    as_of: date
    opening: int
    closing: int
    lines: Sequence[Mapping[str, Any]]
    """`reference`, `amount` in minor units (out: negative) and `date`."""
    filed_by: str
    filed_at: datetime | None = None

    @property
    def adds_up(self) -> bool:
        """Whether opening and lines come to closing."""
        return self.opening + sum(line["amount"] for line in self.lines) == self.closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Of one currency on one day, in minor units."""

    currency: str
    emoney: int
    """All e-money there is: what the banks must hold at least."""
    bank: int | None
    """What they say; None: there is no statement of the day."""
    banks: tuple[Mapping[str, Any], ...] = ()

    @property
    def shortfall(self) -> int | None:
        """How much is missing; None: nobody knows."""
        return None if self.bank is None else max(0, self.emoney - self.bank)

    def row(self) -> dict[str, Any]:
        """As the report keeps it."""
        return {**asdict(self), "shortfall": self.shortfall, "backed": self.shortfall == 0}


def certificates(
    balance: Iterable[TrialLine], statements: Iterable[Statement]
) -> list[Certificate]:
    """One certificate for each currency that the trust is kept in."""
    held: dict[str, list[Statement]] = {}
    for one in statements:
        held.setdefault(one.currency, []).append(one)
    found = list[Certificate]()
    for line in balance:
        if line.code != TRUST or line.book != "E":
            continue
        banks = held.get(line.currency, [])
        found.append(
            Certificate(
                currency=line.currency,
                emoney=-line.closing,
                bank=sum(one.closing for one in banks) if banks else None,
                banks=tuple({"bank": one.bank, "closing": one.closing} for one in banks),
            )
        )
    return found


async def file(connection: Connection, tenant: int, statement: Statement) -> bool:
    """Keep a statement. False: there is one of that bank, currency and day, which stays."""
    cursor = await connection.execute(
        """INSERT INTO books.bank_statement
           (tenant_id, bank, currency, as_of, opening, closing, lines, filed_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [
            tenant, statement.bank, statement.currency, statement.as_of, statement.opening,
            statement.closing, Jsonb(list(statement.lines)), statement.filed_by,
        ],
    )  # fmt: skip
    return cursor.rowcount == 1


async def before(
    connection: Connection, tenant: int, bank: str, currency: str, day: date
) -> Statement | None:
    """The bank's last statement before a day."""
    cursor = connection.cursor(row_factory=class_row(Statement))
    await cursor.execute(
        """SELECT bank, currency::text, as_of, opening, closing, lines, filed_by, filed_at
             FROM books.bank_statement
            WHERE tenant_id = %s AND bank = %s AND currency = %s AND as_of < %s
            ORDER BY as_of DESC LIMIT 1""",
        [tenant, bank, currency, day],
    )
    return await cursor.fetchone()


async def of_day(connection: Connection, tenant: int, day: date) -> list[Statement]:
    """The statements of a day, of all banks."""
    cursor = connection.cursor(row_factory=class_row(Statement))
    await cursor.execute(
        """SELECT bank, currency::text, as_of, opening, closing, lines, filed_by, filed_at
             FROM books.bank_statement WHERE tenant_id = %s AND as_of = %s
            ORDER BY bank, currency""",
        [tenant, day],
    )
    return await cursor.fetchall()
