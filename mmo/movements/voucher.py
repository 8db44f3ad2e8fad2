"""Voucher: e-money sent to a number without a wallet, taken with a code at an agent, or back."""

from typing import Annotated

from pydantic import Field

from mmo.movements.support.accounts import (
    AGENT,
    EXCISE,
    FEES,
    LEVY,
    MARKETING_POOL,
    PAYER,
    VOUCHER_ESCROW,
    Party,
)
from mmo.movements.support.charges import PAID
from mmo.movements.support.command import PricedCommand, Role, WalletRef
from mmo.movements.support.commission import COMMISSION, EARNERS
from mmo.movements.support.movement import Answer, Movement, Step
from mmo.movements.support.posting_rule import credit, debit
from mmo.movements.support.symbols import XS, A, F, S, T, X
from mmo.movements.support.triggers import OnAnswer, OnDeadline, OnRecipient
from mmo.movements.support.waking import Waker, about_wallet

DAYS_MAX = 90


class SendVoucher(PricedCommand):
    """What histories know of it. The recipient's number is kept sealed, beside the movement."""

    sender: Annotated[WalletRef, Role("payer", "customer")]
    expires_in_days: (
        Annotated[int, Field(ge=1, le=DAYS_MAX, description="30 where nothing is said.")] | None
    ) = None


PAYING_OUT = Role("agent", "agent")
REGISTERED = Waker(
    name="voucher-recipient",
    about=about_wallet("mmo.wallet.opened.v1", "mmo.wallet.unfrozen.v1"),
    find="""SELECT v.tenant_id, v.movement_id
              FROM unnest(%(tenants)s::int[], %(keys)s::text[]) k (tenant_id, wallet)
              JOIN wallets.wallet w ON w.tenant_id = k.tenant_id AND w.id = k.wallet::uuid
              JOIN vouchers.voucher v ON v.tenant_id = w.tenant_id AND v.recipient = w.alias
              JOIN movements.command c ON c.tenant_id = v.tenant_id
                                      AND c.movement_id = v.movement_id
             WHERE c.state LIKE 'pending%%'""",
)
"""A wallet for the recipient's number is there, or takes money again."""

ISSUE = Step(
    1,
    "voucher-issued",
    debit(PAYER, PAID),
    credit(VOUCHER_ESCROW, A),
    credit(FEES, F + S),
    credit(EXCISE, X + XS),
    credit(LEVY, T),
    debit(MARKETING_POOL, S + XS),
    state="pending_partner",
)
REDEEM = Step(
    2,
    "voucher-redeemed",
    debit(VOUCHER_ESCROW, A),
    credit(AGENT, A),
    *COMMISSION,
    joined_by=EARNERS,
    joins=(PAYING_OUT,),
    repeats=True,
    triggers=(OnAnswer(name="voucher-redemption", choice="redeem"),),
)
CLAIM = Step(
    50,
    "voucher-claimed",
    debit(VOUCHER_ESCROW, A),
    credit(Party("recipient"), A),
    joins=(Role("recipient", "customer"),),
    repeats=True,
    triggers=(OnRecipient(role="recipient"),),
)
EXPIRE = Step(
    100,
    "voucher-expired",
    debit(VOUCHER_ESCROW, A),
    credit(PAYER, A),
    state="refused",
    repeats=True,
    triggers=(OnDeadline(),),
)

REDEMPTION = Answer(
    name="voucher-redemption",
    scope="movements:voucher:redeem",
    choices=("redeem",),
    maker_may=True,
    summary="Pay a voucher out in cash, for its code.",
    asked_by="agent",
    joins=(PAYING_OUT,),
)
"""By the route that proves the code: POST /v1/vouchers/redemptions."""

MOVEMENT = Movement(
    number=8,
    name="voucher",
    title="Voucher",
    entity="wallet",
    action="send-voucher",
    command=SendVoucher,
    asked_by="payer",
    steps=(ISSUE, REDEEM, CLAIM, EXPIRE),
    answers=(REDEMPTION,),
    woken_by=(REGISTERED,),
)
