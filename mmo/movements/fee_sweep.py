"""Fee sweep: the trust bank has paid the fees earned to the operator's own bank account."""

from mmo.movements.support.accounts import CORPORATE_BANK, FEES, OWN_FEES, TRUST_BANK
from mmo.movements.support.command import BankReference, Command
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class SweepFees(Command):
    bank_reference: BankReference


SWEEP = Step(
    1,
    "fees-swept",
    debit(FEES, A),
    credit(TRUST_BANK, A),
    debit(CORPORATE_BANK, A),
    credit(OWN_FEES, A),
)

MOVEMENT = Movement(
    number=33,
    name="fee-sweep",
    title="Fee sweep",
    entity="treasury",
    action="sweep-fees",
    command=SweepFees,
    asked_by=None,
    steps=(SWEEP,),
)
