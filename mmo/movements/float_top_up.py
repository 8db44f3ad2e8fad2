"""Float top-up: a super-agent gives an agent e-money to trade with."""

from typing import Annotated

from mmo.movements.support.accounts import PAYEE, PAYER
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class TopUpFloat(Command):
    payer: Annotated[WalletRef, Role("payer", "super_agent")]
    payee: Annotated[WalletRef, Role("payee", "agent")]


TOP_UP = Step(1, "topped-up", debit(PAYER, A), credit(PAYEE, A))

MOVEMENT = Movement(
    number=3,
    name="float-top-up",
    title="Float top-up",
    entity="float",
    action="top-up",
    command=TopUpFloat,
    asked_by="payer",
    steps=(TOP_UP,),
)
