"""E-money redemption: a holder gives e-money back and is paid from the trust account."""

from typing import Annotated

from mmo.movements.support.accounts import PAYER, REDEMPTION_PENDING, TRUST_BANK
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Answer, Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A
from mmo.movements.support.triggers import OnAnswer


class RedeemEmoney(Command):
    holder: Annotated[WalletRef, Role("payer", "super_agent")]


REQUEST = Step(
    1,
    "redemption-requested",
    debit(PAYER, A),
    credit(REDEMPTION_PENDING, A),
    state="pending_partner",
)
PAY = Step(
    2,
    "redeemed",
    debit(REDEMPTION_PENDING, A),
    credit(TRUST_BANK, A),
    triggers=(OnAnswer(name="bank-answer", choice="paid"),),
    otherwise="pending_partner",
)
RETURN = Step(
    3,
    "redemption-returned",
    debit(REDEMPTION_PENDING, A),
    credit(PAYER, A),
    state="refused",
    repeats=True,
    triggers=(OnAnswer(name="bank-answer", choice="not_paid", because="returned_by_bank"),),
)

MOVEMENT = Movement(
    number=2,
    name="emoney-redemption",
    title="E-money redemption",
    entity="emoney",
    action="redeem",
    command=RedeemEmoney,
    asked_by="payer",
    steps=(REQUEST, PAY, RETURN),
    answers=(
        Answer(
            name="bank-answer",
            scope="emoney:settle",
            choices=("paid", "not_paid"),
            maker_may=True,
            summary="Say what the bank did: paid out, or did not.",
        ),
    ),
)
