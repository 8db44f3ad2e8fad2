"""Commission: what an agent earns, as lines that join any posting rule of the agent's trade."""

from mmo.movements.support.accounts import (
    AGENT_COMMISSION,
    COMMISSION_POOL,
    MASTER_AGENT_COMMISSION,
    SUPER_AGENT_COMMISSION,
    WITHHELD,
)
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import C1, C2, C3, W1, W2, W3

COMMISSION = (
    debit(COMMISSION_POOL, C1 + C2 + C3),
    credit(AGENT_COMMISSION, C1 - W1),
    credit(SUPER_AGENT_COMMISSION, C2 - W2),
    credit(MASTER_AGENT_COMMISSION, C3 - W3),
    credit(WITHHELD, W1 + W2 + W3),
)
"""The pool pays the agent and those above, less the tax that is withheld from each."""

EARNERS = frozenset({"super-agent", "master-agent"})
"""Whom the facts bring along: those above an agent are not named in the command."""
