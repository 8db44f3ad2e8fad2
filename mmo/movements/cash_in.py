"""Cash-in: a subscriber hands cash to an agent, who gives e-money for it from the float."""

from typing import Annotated

from mmo.movements.support.accounts import (
    AGENT,
    AGENT_COMMISSION,
    COMMISSION_POOL,
    PAYEE,
    SUPER_AGENT_COMMISSION,
    WITHHELD,
)
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import C1, C2, W1, W2, A


class CashInAtAgent(Command):
    agent: Annotated[WalletRef, Role("agent", "agent")]
    customer: Annotated[WalletRef, Role("payee", "customer")]


PAY_IN = Step(
    1,
    "cashed-in",
    debit(AGENT, A),
    credit(PAYEE, A),
    debit(COMMISSION_POOL, C1 + C2),
    credit(AGENT_COMMISSION, C1 - W1),
    credit(SUPER_AGENT_COMMISSION, C2 - W2),
    credit(WITHHELD, W1 + W2),
    joined_by=frozenset({"super-agent"}),
)

MOVEMENT = Movement(
    name="cash-in",
    title="Cash-in",
    entity="wallet",
    action="cash-in",
    command=CashInAtAgent,
    asked_by="agent",
    steps=(PAY_IN,),
)
