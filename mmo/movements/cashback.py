"""Cashback: the operator gives a promotion out of its marketing pool."""

from typing import Annotated

from mmo.movements.support.accounts import (
    MARKETING_EXPENSE,
    MARKETING_POOL,
    OWN_MARKETING_POOL,
    PAYEE,
)
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class GiveCashback(Command):
    payee: Annotated[WalletRef, Role("payee", "customer", "merchant", "agent")]


GIVE = Step(
    1,
    "cashback-given",
    debit(MARKETING_POOL, A),
    credit(PAYEE, A),
    debit(MARKETING_EXPENSE, A),
    credit(OWN_MARKETING_POOL, A),
)

MOVEMENT = Movement(
    number=39,
    name="cashback",
    title="Cashback",
    entity="wallet",
    action="cashback",
    command=GiveCashback,
    asked_by=None,
    steps=(GIVE,),
)
