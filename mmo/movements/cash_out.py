"""Cash-out: a subscriber turns e-money into cash at an agent, who earns a commission."""

from typing import Annotated

from mmo.movements.support.accounts import (
    AGENT,
    AGENT_COMMISSION,
    COMMISSION_POOL,
    EXCISE,
    FEES,
    PAYER,
    SUPER_AGENT_COMMISSION,
    WITHHELD,
)
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import C1, C2, W1, W2, A, F, X


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
    debit(COMMISSION_POOL, C1 + C2),
    credit(AGENT_COMMISSION, C1 - W1),
    credit(SUPER_AGENT_COMMISSION, C2 - W2),
    credit(WITHHELD, W1 + W2),
    joined_by=frozenset({"super-agent"}),
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
