"""Reversal: staff undo a movement, or a part of it, leg by leg as the journal has it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mmo.movements.support.liens import ON_CREDIT, ON_UNFREEZING
from mmo.movements.support.movement import Movement, Step
from mmo.movements.support.take_back import TakeBack, TakeBackBody
from mmo.movements.support.triggers import OnCollection, OnHold


class ReversalBody(TakeBackBody):
    fees: Annotated[
        Literal["returned", "kept"],
        Field(description="Whether fees, taxes and commissions come back too."),
    ] = "returned"
    if_short: Annotated[
        Literal["refuse", "lien"],
        Field(description="What becomes of it where the receiver has too little."),
    ] = "refuse"

    def choices(self) -> dict[str, Any]:
        chosen = {"fees": self.fees, "if_short": self.if_short}
        return {name: said for name, said in chosen.items() if said in ("kept", "lien")}


REVERSE = Step(1, "reversed", undoes="whole")
COLLECT = Step(
    10,
    "reversal-collected",
    state="pending_partner",
    repeats=True,
    undoes="collect",
    triggers=(OnHold(),),
    otherwise="pending_partner",
)
COMPLETE = Step(
    900,
    "reversal-completed",
    repeats=True,
    undoes="complete",
    triggers=(OnCollection(),),
    otherwise="pending_partner",
)

MOVEMENT = Movement(
    number=14,
    name="reversal",
    title="Reversal",
    entity="wallet",
    action="reverse",
    command=TakeBack,
    asked_by=None,
    steps=(REVERSE, COLLECT, COMPLETE),
    woken_by=(ON_CREDIT, ON_UNFREEZING),
    takes_back=ReversalBody,
)
