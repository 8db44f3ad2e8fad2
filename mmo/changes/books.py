"""Commands on the books, as kinds of changes: cutting a day off, and filing a bank's statement."""

from dataclasses import replace
from datetime import date
from typing import Any

from psycopg import AsyncConnection

from mmo.books import postgres, trust
from mmo.books.trust import Statement
from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind

Connection = AsyncConnection[Any]


async def _cut_off(connection: Connection, asked: Asked) -> Carried:
    """Cut the open day off; one that is being closed already is answered with.

    Raises DeclinedError day_not_begun.
    """
    tenant = asked.tenant_id
    day = await postgres.cut_off(connection, tenant, asked.actor.subject)
    if day is None:
        raise DeclinedError("day_not_begun")
    made = await postgres.find(connection, tenant, day)
    return Carried(result=made, object=f"day/{day}")


async def _file(connection: Connection, asked: Asked) -> Carried:
    """File a bank's statement; the same again changes nothing.

    Raises DeclinedError statement_invalid, or already_there where the day has another one.
    """
    body = asked.body
    statement = Statement(
        bank=body["bank"], currency=body["currency"], as_of=date.fromisoformat(body["as_of"]),
        opening=body["opening"], closing=body["closing"], lines=body["lines"],
        filed_by=asked.actor.subject,
    )  # fmt: skip
    tenant = asked.tenant_id
    about = (statement.bank, statement.currency, statement.as_of)
    _, today = await postgres.open_date(connection, tenant)
    if statement.as_of > today:
        raise DeclinedError("statement_invalid", "", ("/as_of", "the day has not begun yet"))
    if not statement.adds_up:
        why = "opening and lines do not come to closing"
        raise DeclinedError("statement_invalid", "", ("/closing", why))
    before = await trust.before(connection, tenant, *about)
    if before is not None and before.closing != statement.opening:
        why = f"the statement of {before.as_of} closed with another amount"
        raise DeclinedError("statement_invalid", "", ("/opening", why))
    if not await trust.file(connection, tenant, statement):
        of_day = await trust.of_day(connection, tenant, statement.as_of)
        kept = next(one for one in of_day if (one.bank, one.currency) == about[:2])
        if replace(kept, filed_by=statement.filed_by, filed_at=None) != statement:
            raise DeclinedError("already_there", f"{statement.bank} has one of {statement.as_of}")
    return Carried(result=statement)


KINDS = (
    ChangeKind(event="day.cut-off", scope="books:close", carry_out=_cut_off),
    ChangeKind(event="bank-statement.file", scope="trust:file", carry_out=_file),
)
