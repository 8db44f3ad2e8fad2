"""Payment request: a merchant asks for money, and nothing is held until the customer says yes."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from mmo.movements.support.accounts import PAYEE, PAYER
from mmo.movements.support.charges import CHARGES, PAID, RECEIVED
from mmo.movements.support.claims import Claim
from mmo.movements.support.command import PricedCommand, Role, WalletRef
from mmo.movements.support.movement import Answer, Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.triggers import OnAnswer, OnDeadline, OnField

SECONDS_MIN, SECONDS_MAX = 60, 7 * 24 * 3600


class RequestPayment(PricedCommand):
    merchant: Annotated[WalletRef, Role("payee", "merchant")]
    customer: Annotated[WalletRef, Role("payer", "customer")]
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
    expires_in_s: (
        Annotated[
            int,
            Field(ge=SECONDS_MIN, le=SECONDS_MAX, description="300 where nothing is said."),
        ]
        | None
    ) = None
    authorisation: (
        Annotated[UUID, Field(description="The code by which the customer has said yes before.")]
        | None
    ) = None

    def claims(self) -> tuple[Claim, ...]:
        """A code is good for one payment."""
        if self.authorisation is None:
            return ()
        used = "authorisation_code_used"
        return (Claim(of=self.authorisation, amount=1, most=1, refusal=used),)


ASK = Step(
    1,
    "payment-requested",
    state="pending_approval",
    released_by=(
        OnAnswer(name="payment-answer", choice="decline", because="declined"),
        OnDeadline(),
    ),
)
PAY = Step(
    2,
    "request-paid",
    debit(PAYER, PAID),
    credit(PAYEE, RECEIVED),
    *CHARGES,
    repeats=True,
    triggers=(
        OnAnswer(name="payment-answer", choice="approve"),
        OnField(field="authorisation"),
    ),
)
"""Tried for each yes: where it is refused, the request stays open until its time is over."""

MOVEMENT = Movement(
    number=63,
    name="payment-request",
    title="Payment request",
    entity="wallet",
    action="request-payment",
    command=RequestPayment,
    asked_by="payee",
    steps=(ASK, PAY),
    answers=(
        Answer(
            name="payment-answer",
            scope="movements:payment-request:answer",
            choices=("approve", "decline"),
            maker_may=False,
            summary="Pay what a merchant asks for, or decline.",
            asked_by="payer",
            proved=True,
        ),
    ),
)
