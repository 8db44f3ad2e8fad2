"""Commission: what an agent earns, as lines that join any posting rule of the agent's trade."""

from mmo.movements.support.accounts import (
    AGENT_COMMISSION,
    COMMISSION_POOL,
    SUPER_AGENT_COMMISSION,
    WITHHELD,
)
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import C1, C2, W1, W2

COMMISSION = (
    debit(COMMISSION_POOL, C1 + C2),
    credit(AGENT_COMMISSION, C1 - W1),
    credit(SUPER_AGENT_COMMISSION, C2 - W2),
    credit(WITHHELD, W1 + W2),
)
"""The pool pays the agent and the super-agent, less the tax that is withheld from each."""

EARNERS = frozenset({"super-agent"})
"""Whom the facts bring along: the agent's super-agent is not named in the command."""
