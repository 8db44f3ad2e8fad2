"""Dormancy: the money of a wallet that nobody uses is set aside until somebody comes for it."""

from typing import Annotated

from mmo.movements.support.accounts import PAYER, TRUST_BANK, UNCLAIMED
from mmo.movements.support.command import Command, Role, WalletRef
from mmo.movements.support.movement import Answer, Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A
from mmo.movements.support.triggers import OnAnswer, OnDeadline


class SetAside(Command):
    customer: Annotated[WalletRef, Role("payer", "customer")]


SET_ASIDE = Step(1, "set-aside", debit(PAYER, A), credit(UNCLAIMED, A), state="pending_partner")
ESCHEAT = Step(
    2,
    "escheated",
    debit(UNCLAIMED, A),
    credit(TRUST_BANK, A),
    triggers=(OnAnswer(name="unclaimed-answer", choice="escheat"),),
    otherwise="pending_partner",
)
RECLAIM = Step(
    3,
    "reclaimed",
    debit(UNCLAIMED, A),
    credit(PAYER, A),
    state="refused",
    repeats=True,
    triggers=(
        OnAnswer(name="unclaimed-answer", choice="reclaim", because="reclaimed"),
        OnDeadline(because="reclaimed"),
    ),
)

MOVEMENT = Movement(
    number=37,
    name="dormancy",
    title="Dormancy",
    entity="emoney",
    action="set-aside",
    command=SetAside,
    asked_by=None,
    steps=(SET_ASIDE, ESCHEAT, RECLAIM),
    answers=(
        Answer(
            name="unclaimed-answer",
            scope="emoney:unclaimed",
            choices=("reclaim", "escheat"),
            maker_may=False,
            summary="Give unclaimed money back to its owner, or pay it to the authority.",
            referenced=frozenset({"escheat"}),
        ),
    ),
)
