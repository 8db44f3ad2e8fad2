"""Cash-out: a subscriber turns e-money into cash at an agent, who earns a commission."""

from typing import Annotated

from mmo.movements.support.accounts import AGENT, EXCISE, FEES, PAYER
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.commission import COMMISSION, EARNERS
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A, F, X


class CashOutAtAgent(Command):
    customer: Annotated[WalletRef, Role("payer", "customer")]
    agent: Annotated[WalletRef, Role("agent", "agent")]


PAY_OUT = Step(
    1,
    "cashed-out",
    debit(PAYER, A + F + X),
    credit(AGENT, A),
    credit(FEES, F),
    credit(EXCISE, X),
    *COMMISSION,
    joined_by=EARNERS,
)

MOVEMENT = Movement(
    name="cash-out",
    title="Cash-out",
    entity="wallet",
    action="cash-out",
    command=CashOutAtAgent,
    asked_by="payer",
    steps=(PAY_OUT,),
)
