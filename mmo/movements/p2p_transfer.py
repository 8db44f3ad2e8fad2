"""P2P transfer: a subscriber sends e-money to another subscriber of the same tenant."""

from typing import Annotated

from mmo.movements.support.accounts import EXCISE, FEES, PAYEE, PAYER
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A, F, X


class SendMoney(Command):
    sender: Annotated[WalletRef, Role("payer", "customer")]
    recipient: Annotated[WalletRef, Role("payee", "customer")]


SEND = Step(
    1,
    "money-sent",
    debit(PAYER, A + F + X),
    credit(PAYEE, A),
    credit(FEES, F),
    credit(EXCISE, X),
)

MOVEMENT = Movement(
    name="p2p-transfer",
    title="P2P transfer",
    entity="wallet",
    action="transfer",
    command=SendMoney,
    asked_by="payer",
    steps=(SEND,),
)
