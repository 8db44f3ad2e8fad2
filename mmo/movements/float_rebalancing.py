"""Float rebalancing: an agent gives float to another agent."""

from typing import Annotated

from mmo.movements.support.accounts import PAYEE, PAYER
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class RebalanceFloat(Command):
    payer: Annotated[WalletRef, Role("payer", "agent")]
    payee: Annotated[WalletRef, Role("payee", "agent")]


REBALANCE = Step(1, "rebalanced", debit(PAYER, A), credit(PAYEE, A))

MOVEMENT = Movement(
    number=62,
    name="float-rebalancing",
    title="Float rebalancing",
    entity="float",
    action="rebalance",
    command=RebalanceFloat,
    asked_by="payer",
    steps=(REBALANCE,),
)
