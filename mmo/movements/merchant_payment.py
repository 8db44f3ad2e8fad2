"""Merchant payment: a subscriber pays a merchant, who bears the merchant's discount."""

from typing import Annotated

from pydantic import Field

from mmo.movements.support.accounts import PAYEE, PAYER
from mmo.movements.support.charges import CHARGES, PAID, RECEIVED
from mmo.movements.support.command import PricedCommand, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit


class PayMerchant(PricedCommand):
    customer: Annotated[WalletRef, Role("payer", "customer")]
    merchant: Annotated[WalletRef, Role("payee", "merchant")]
    reference: (
        Annotated[
            str,
            Field(
                pattern=r"^[A-Za-z0-9][A-Za-z0-9 /:.-]{0,24}$",
                description="The merchant's own name for the bill or the till.",
            ),
        ]
        | None
    ) = None


PAY = Step(1, "merchant-paid", debit(PAYER, PAID), credit(PAYEE, RECEIVED), *CHARGES)

MOVEMENT = Movement(
    number=9,
    name="merchant-payment",
    title="Merchant payment",
    entity="wallet",
    action="pay-merchant",
    command=PayMerchant,
    asked_by="payer",
    steps=(PAY,),
)
