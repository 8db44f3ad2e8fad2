"""P2P transfer: a subscriber sends e-money to another subscriber of the same tenant."""

from typing import Annotated

from mmo.movements.support.accounts import PAYEE, PAYER
from mmo.movements.support.charges import CHARGES, PAID, RECEIVED
from mmo.movements.support.command import PricedCommand, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit


class SendMoney(PricedCommand):
    sender: Annotated[WalletRef, Role("payer", "customer")]
    recipient: Annotated[WalletRef, Role("payee", "customer")]


SEND = Step(1, "money-sent", debit(PAYER, PAID), credit(PAYEE, RECEIVED), *CHARGES)

MOVEMENT = Movement(
    number=6,
    name="p2p-transfer",
    title="P2P transfer",
    entity="wallet",
    action="transfer",
    command=SendMoney,
    asked_by="payer",
    steps=(SEND,),
)
