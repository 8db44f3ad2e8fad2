"""Cash-out: a subscriber turns e-money into cash at an agent, who earns a commission."""

from typing import Annotated

from mmo.movements.support.accounts import AGENT, PAYER
from mmo.movements.support.charges import CHARGES, PAID, RECEIVED
from mmo.movements.support.command import PricedCommand, Role, WalletRef
from mmo.movements.support.commission import COMMISSION, EARNERS
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit


class CashOutAtAgent(PricedCommand):
    customer: Annotated[WalletRef, Role("payer", "customer")]
    agent: Annotated[WalletRef, Role("agent", "agent")]


PAY_OUT = Step(
    1,
    "cashed-out",
    debit(PAYER, PAID),
    credit(AGENT, RECEIVED),
    *CHARGES,
    *COMMISSION,
    joined_by=EARNERS,
)

MOVEMENT = Movement(
    number=5,
    name="cash-out",
    title="Cash-out",
    entity="wallet",
    action="cash-out",
    command=CashOutAtAgent,
    asked_by="payer",
    steps=(PAY_OUT,),
)
