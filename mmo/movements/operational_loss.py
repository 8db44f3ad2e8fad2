"""Operational loss: the operator makes somebody whole out of its loss pool, and books the loss."""

from typing import Annotated

from mmo.movements.support.accounts import LOSS_POOL, OPERATIONAL_LOSS, OWN_LOSS_POOL, PAYEE
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class MakeWhole(Command):
    payee: Annotated[WalletRef, Role("payee", "customer", "merchant", "agent", "super_agent")]


MAKE_WHOLE = Step(
    1,
    "made-whole",
    debit(LOSS_POOL, A),
    credit(PAYEE, A),
    debit(OPERATIONAL_LOSS, A),
    credit(OWN_LOSS_POOL, A),
)

MOVEMENT = Movement(
    number=40,
    name="operational-loss",
    title="Operational loss",
    entity="treasury",
    action="make-whole",
    command=MakeWhole,
    asked_by=None,
    steps=(MAKE_WHOLE,),
)
