"""Finding the movement that is to be undone, before a command is made of it."""

from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from api.problems import Problem
from mmo.kernel.identifiers import WalletId
from mmo.kernel.money import Money
from mmo.kernel.refusals import REFUSALS
from mmo.movements.support.movement import Movement
from mmo.movements.support.take_back import TakeBack, TakeBackBody
from mmo.movements.support.taking_back import TAKEN_BACK, original_of
from mmo.tenancy.scope import scoped


async def undoing(
    movement: Movement, asked: TakeBackBody, tenant: int, pool: AsyncConnectionPool[Any]
) -> TakeBack:
    """The command that undoes a movement, or what is left of it.

    Raises Problem for what can never come back. How much is left is seen again when it is posted.
    """
    async with scoped(pool, tenant) as connection:
        cursor = await connection.execute(
            "SELECT movements.originals(%s, %s) -> %s",
            [tenant, [UUID(asked.original)], asked.original],
        )
        row = await cursor.fetchone()
    if row is None or row[0] is None:
        raise _problem("original_not_found")
    original = original_of(row[0])
    if original.state not in TAKEN_BACK:
        raise _problem("original_not_posted")
    receiver, giver = original.receiver, original.giver
    unfit = movement.undoes and original.type not in movement.undoes
    if receiver is None or unfit or not original.reversible:
        raise _problem("not_reversible")
    left = Money(original.left, original.body["amount"]["currency"])
    if left.minor <= 0:
        raise _problem("reversal_exceeds_original")
    return TakeBack(
        amount=asked.amount or left,
        note=asked.note,
        original=asked.original,
        payer=WalletId(original.wallet_of(receiver)),
        payee=WalletId(original.wallet_of(giver)) if giver else None,
        **asked.choices(),
    )


def _problem(code: str) -> Problem:
    return Problem(code, REFUSALS[code])
