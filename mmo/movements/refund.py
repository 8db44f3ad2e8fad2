"""Refund: a merchant gives back what a customer paid, the discount included, or a part."""

from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.take_back import TakeBack, TakeBackBody


class RefundBody(TakeBackBody):
    """A merchant's own payment, or a part of it."""


REFUND = Step(1, "refunded", undoes="whole")

MOVEMENT = Movement(
    number=10,
    name="refund",
    title="Refund",
    entity="wallet",
    action="refund",
    command=TakeBack,
    asked_by="payer",
    steps=(REFUND,),
    takes_back=RefundBody,
    undoes=frozenset({"merchant-payment", "payment-request", "escrow"}),
)
