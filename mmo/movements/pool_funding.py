"""Pool funding: the operator has paid own money into trust, for one of its pools."""

from typing import Literal

from mmo.movements.support.accounts import (
    COMMISSION_POOL,
    CORPORATE_BANK,
    LOSS_POOL,
    MARKETING_POOL,
    OWN_COMMISSION_POOL,
    OWN_LOSS_POOL,
    OWN_MARKETING_POOL,
    TRUST_BANK,
    Chosen,
)
from mmo.movements.support.command import BankReference, Command
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class FundPool(Command):
    pool: Literal["commission", "marketing", "loss"]
    bank_reference: BankReference


POOL = Chosen("pool", commission=COMMISSION_POOL, marketing=MARKETING_POOL, loss=LOSS_POOL)
OWN_POOL = Chosen(
    "pool", commission=OWN_COMMISSION_POOL, marketing=OWN_MARKETING_POOL, loss=OWN_LOSS_POOL
)
FUND = Step(
    1,
    "pool-funded",
    debit(TRUST_BANK, A),
    credit(POOL, A),
    debit(OWN_POOL, A),
    credit(CORPORATE_BANK, A),
)

MOVEMENT = Movement(
    number=35,
    name="pool-funding",
    title="Pool funding",
    entity="treasury",
    action="fund-pool",
    command=FundPool,
    asked_by=None,
    steps=(FUND,),
)
