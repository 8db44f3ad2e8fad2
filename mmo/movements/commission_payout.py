"""Commission payout: what an agent has earned becomes float to trade with."""

from typing import Annotated

from mmo.movements.support.accounts import AGENT, AGENT_COMMISSION
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class PayCommissionOut(Command):
    agent: Annotated[WalletRef, Role("agent", "agent", "super_agent")]


PAY_OUT = Step(1, "commission-paid-out", debit(AGENT_COMMISSION, A), credit(AGENT, A))

MOVEMENT = Movement(
    number=32,
    name="commission-payout",
    title="Commission payout",
    entity="commission",
    action="pay-out",
    command=PayCommissionOut,
    asked_by="agent",
    steps=(PAY_OUT,),
)
