"""The parts of short messages as the SMS centre knows them, in Postgres, and their receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from mmo.notifications.receipts import Receipt, spelling_of, tail_of

Connection = AsyncConnection[Any]

AGE_MAX = timedelta(days=8)
"""Centres try for a week at most, and give the same id again some day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that a receipt may be of. `exactly`: the id is written as it was."""

    tenant_id: int
    message_id: UUID
    number: int
    state: str
    sender: str
    number_tail: str
    sent_at: datetime
    exactly: bool


async def store(
    connection: Connection,
    tenant: int,
    message: UUID,
    centre_ids: Sequence[str],
    *,
    route: str,
    sender: str,
    msisdn: str,
) -> None:
    """Remember by which ids the centre knows a message's parts, in the open transaction."""
    for number, centre_id in enumerate(centre_ids):
        spelling = spelling_of(centre_id)
        await connection.execute(
            """INSERT INTO notifications.part
                      (tenant_id, message_id, number, centre_id, route, sender, number_tail,
                       exact, as_decimal, as_hexadecimal)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
               ON CONFLICT (tenant_id, message_id, number) DO UPDATE
                  SET centre_id = excluded.centre_id, route = excluded.route, state = 'sent',
                      sender = excluded.sender, number_tail = excluded.number_tail,
                      exact = excluded.exact, as_decimal = excluded.as_decimal,
                      as_hexadecimal = excluded.as_hexadecimal, sent_at = now()""",
            [
                tenant, message, number, centre_id, route, sender, tail_of(msisdn),
                spelling.exact, spelling.as_decimal, spelling.as_hexadecimal,
            ],
        )  # fmt: skip


async def fold(connection: Connection, receipt: Receipt, route: str, *, loosely: bool) -> bool:
    """Fold a receipt that came by that route; False where it is of no part that we know (yet).

    `loosely`: the id may be written in another way than in the centre's answer.
    """
    async with connection.transaction():
        part = chosen(await _candidates(connection, receipt, route), receipt, loosely=loosely)
        if part is None:
            return False
        if receipt.state == "open" or part.state != "sent":
            return True
        await connection.execute(
            """UPDATE notifications.part SET state = %s
                WHERE tenant_id = %s AND message_id = %s AND number = %s AND state = 'sent'""",
            [receipt.state, part.tenant_id, part.message_id, part.number],
        )
        await _fold_message(connection, part, receipt.word)
    return True


def chosen(parts: Sequence[Part], receipt: Receipt, *, loosely: bool) -> Part | None:
    """The one part that a receipt is of; None where there is none, or two tenants may be meant.

    One that was sent to another number than the receipt tells of is none. Then counts, in this
    order: how the id is written, the number, the sender, that it is open yet, and the newest.
    """

    def rank(part: Part) -> tuple[bool, bool, bool, bool]:
        return (
            part.exactly,
            part.number_tail in receipt.tails,
            part.sender.lower() == receipt.sender.strip().lower(),
            part.state == "sent",
        )

    fitting = [
        part
        for part in parts
        if (part.exactly or loosely)
        and (not part.number_tail or not receipt.tails or part.number_tail in receipt.tails)
    ]
    if not fitting:
        return None
    best = max(rank(part) for part in fitting)
    equal = [part for part in fitting if rank(part) == best]
    if len({part.tenant_id for part in equal}) > 1:
        return None
    return max(equal, key=lambda part: part.sent_at)


async def _candidates(connection: Connection, receipt: Receipt, route: str) -> list[Part]:
    spellings = [spelling_of(identifier) for identifier in receipt.ids]
    cursor = connection.cursor(row_factory=class_row(Part))
    await cursor.execute(
        """SELECT tenant_id, message_id, number, state, sender, number_tail, sent_at,
                  exact = ANY (%(exact)s) AS exactly
             FROM notifications.part
            WHERE route IN ('', %(route)s) AND sent_at > now() - %(age)s::interval
              AND (exact = ANY (%(exact)s) OR as_hexadecimal = ANY (%(decimal)s)
                   OR as_decimal = ANY (%(hexadecimal)s))""",
        {
            "route": route,
            "age": AGE_MAX,
            "exact": [one.exact for one in spellings],
            "decimal": [one.as_decimal for one in spellings if one.as_decimal],
            "hexadecimal": [one.as_hexadecimal for one in spellings if one.as_hexadecimal],
        },
    )
    return await cursor.fetchall()


async def _fold_message(connection: Connection, part: Part, word: str) -> None:
    # Receipts of two parts come side by side: what the other one changed is read once it is
    # committed, or neither would see that all parts are there.
    where = [part.tenant_id, part.message_id]
    await connection.execute(
        """SELECT 1 FROM notifications.message WHERE tenant_id = %s AND id = %s
              FOR NO KEY UPDATE""",
        where,
    )
    await connection.execute(
        """UPDATE notifications.message m
              SET state = CASE WHEN p.failed THEN 'failed'
                               WHEN p.done THEN 'delivered' ELSE m.state END,
                  reason = CASE WHEN p.failed THEN %s ELSE m.reason END,
                  changed_at = now()
             FROM (SELECT bool_or(state = 'failed') AS failed,
                          bool_and(state = 'delivered') AS done
                     FROM notifications.part WHERE tenant_id = %s AND message_id = %s) p
            WHERE m.tenant_id = %s AND m.id = %s""",
        [word[:200], *where, *where],
    )
