"""Tax remittance: the trust bank has paid what was collected of one tax to the authority."""

from typing import Literal

from mmo.movements.support.accounts import EXCISE, LEVY, TRUST_BANK, WITHHELD, Chosen
from mmo.movements.support.command import BankReference, Command
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A


class RemitTax(Command):
    tax: Literal["excise", "levy", "withholding"]
    bank_reference: BankReference


TAX = Chosen("tax", excise=EXCISE, levy=LEVY, withholding=WITHHELD)
REMIT = Step(1, "tax-remitted", debit(TAX, A), credit(TRUST_BANK, A))

MOVEMENT = Movement(
    number=34,
    name="tax-remittance",
    title="Tax remittance",
    entity="treasury",
    action="remit-tax",
    command=RemitTax,
    asked_by=None,
    steps=(REMIT,),
)
