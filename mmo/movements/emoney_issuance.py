"""E-money issuance: money arrived in the trust account, and as much e-money comes into being."""

from typing import Annotated

from mmo.movements.support.accounts import ISSUANCE_PENDING, PAYEE, TRUST_BANK
from mmo.movements.support.command import BankReference, Command, Role, WalletRef
from mmo.movements.support.movement import Answer, Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import A
from mmo.movements.support.triggers import OnAnswer, OnDeadline, OnGrant, OnRefusal

MAY_RELEASE = "emoney:release"


class IssueEmoney(Command):
    recipient: Annotated[WalletRef, Role("payee", "super_agent")]
    bank_reference: BankReference


RECORD = Step(
    1,
    "issuance-recorded",
    debit(TRUST_BANK, A),
    credit(ISSUANCE_PENDING, A),
    state="pending_approval",
    quiet_for=MAY_RELEASE,
)
RELEASE = Step(
    2,
    "issued",
    debit(ISSUANCE_PENDING, A),
    credit(PAYEE, A),
    creates=True,
    triggers=(OnAnswer(name="release", choice="release"), OnGrant(scope=MAY_RELEASE)),
    otherwise="pending_approval",
)
CANCEL = Step(
    3,
    "issuance-cancelled",
    debit(ISSUANCE_PENDING, A),
    credit(TRUST_BANK, A),
    state="refused",
    repeats=True,
    triggers=(
        OnAnswer(name="release", choice="cancel", because="cancelled"),
        OnDeadline(),
        OnRefusal(step=2),
    ),
)

MOVEMENT = Movement(
    number=1,
    name="emoney-issuance",
    title="E-money issuance",
    entity="emoney",
    action="issue",
    command=IssueEmoney,
    asked_by=None,
    steps=(RECORD, RELEASE, CANCEL),
    answers=(
        Answer(
            name="release",
            scope=MAY_RELEASE,
            choices=("release", "cancel"),
            maker_may=False,
            summary="Release, or cancel, e-money that another person recorded.",
        ),
    ),
    grants=frozenset({MAY_RELEASE}),
)
