"""Float return: an agent who holds too much e-money gives some back to a super-agent."""

from typing import Annotated

from mmo.movements.support.accounts import PAYEE, PAYER
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class ReturnFloat(Command):
    payer: Annotated[WalletRef, Role("payer", "agent")]
    payee: Annotated[WalletRef, Role("payee", "super_agent")]


GIVE_BACK = Step(1, "returned", debit(PAYER, A), credit(PAYEE, A))

MOVEMENT = Movement(
    number=61,
    name="float-return",
    title="Float return",
    entity="float",
    action="return",
    command=ReturnFloat,
    asked_by="payer",
    steps=(GIVE_BACK,),
)
