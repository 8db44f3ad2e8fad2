"""Cash-in: a subscriber hands cash to an agent, who gives e-money for it from the float."""

from typing import Annotated

from mmo.movements.support.accounts import AGENT, PAYEE
from mmo.movements.support.command import PricedCommand, Role, WalletRef
from mmo.movements.support.commission import COMMISSION, EARNERS
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class CashInAtAgent(PricedCommand):
    agent: Annotated[WalletRef, Role("agent", "agent")]
    customer: Annotated[WalletRef, Role("payee", "customer")]


PAY_IN = Step(
    1,
    "cashed-in",
    debit(AGENT, A),
    credit(PAYEE, A),
    *COMMISSION,
    joined_by=EARNERS,
)

MOVEMENT = Movement(
    number=4,
    name="cash-in",
    title="Cash-in",
    entity="wallet",
    action="cash-in",
    command=CashInAtAgent,
    asked_by="agent",
    steps=(PAY_IN,),
)
