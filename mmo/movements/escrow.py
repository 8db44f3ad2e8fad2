"""Escrow: a customer's money waits for a merchant until it is released, cancelled or too late."""

from typing import Annotated

from pydantic import Field

from mmo.movements.support.accounts import ESCROW, EXCISE, FEES, PAYEE, PAYER
from mmo.movements.support.charges import RECEIVED
from mmo.movements.support.command import PricedCommand, Role, WalletRef
from mmo.movements.support.movement import Answer, Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import XM, A, M
from mmo.movements.support.triggers import OnAnswer, OnDeadline

DAYS_MAX = 365


class FundEscrow(PricedCommand):
    customer: Annotated[WalletRef, Role("payer", "customer")]
    merchant: Annotated[WalletRef, Role("payee", "merchant")]
    expires_in_days: (
        Annotated[int, Field(ge=1, le=DAYS_MAX, description="30 where nothing is said.")] | None
    ) = None


FUND = Step(1, "escrow-funded", debit(PAYER, A), credit(ESCROW, A), state="pending_approval")
RELEASE = Step(
    2,
    "escrow-released",
    debit(ESCROW, A),
    credit(PAYEE, RECEIVED),
    credit(FEES, M),
    credit(EXCISE, XM),
    repeats=True,
    triggers=(OnAnswer(name="escrow-release", choice="release"),),
)
RETURN = Step(
    100,
    "escrow-returned",
    debit(ESCROW, A),
    credit(PAYER, A),
    state="refused",
    repeats=True,
    triggers=(
        OnAnswer(name="escrow-cancel", choice="cancel", because="cancelled"),
        OnDeadline(),
    ),
)

MOVEMENT = Movement(
    number=38,
    name="escrow",
    title="Escrow",
    entity="wallet",
    action="fund-escrow",
    command=FundEscrow,
    asked_by="payer",
    steps=(FUND, RELEASE, RETURN),
    answers=(
        Answer(
            name="escrow-release",
            scope="movements:escrow:release",
            choices=("release",),
            maker_may=True,
            summary="Let the merchant have what is in escrow.",
            asked_by="payer",
        ),
        Answer(
            name="escrow-cancel",
            scope="movements:escrow:cancel",
            choices=("cancel",),
            maker_may=True,
            summary="Give what is in escrow back to the customer.",
            asked_by="payee",
        ),
    ),
)
