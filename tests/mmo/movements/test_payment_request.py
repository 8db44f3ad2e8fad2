"""Payment requests: asking moves nothing and is not priced; paying is decided then."""

from dataclasses import replace

import pytest

from mmo.kernel.identifiers import mint
from mmo.ledger.posting import Kind
from mmo.messaging.event import Event
from mmo.movements.payment_request import ASK, PAY
from mmo.movements.support.business_events import business_events
from mmo.movements.support.catalogue import movements
from mmo.movements.support.outcome import Verb
from mmo.movements.support.reacting import kind_of
from tests.mmo.movements.people import NOW, WALLETS, facts, request, wallet
from tests.mmo.movements.test_decide import decided
from tests.mmo.movements.worked import legs

SHOP = wallet("bob", kind="merchant")
ASKING = request("payment-request", merchant="bob", customer="alice")
PAYING = replace(ASKING, step=2)


def test_a_customer_who_says_yes_pays_like_any_other_and_the_merchant_bears_the_discount() -> None:
    assert legs(ASK, {"A": 100_000, "M": 1_000, "XM": 200}) == {}
    assert legs(PAY, {"A": 100_000, "M": 1_000, "XM": 200}) == {
        "payer": -100_000,
        "payee": 98_800,
        "OP.FEES": 1_000,
        "TAX.EXCISE": 200,
    }


def test_asking_moves_nothing_and_waits_for_the_customers_yes() -> None:
    draft = decided(ASKING, facts(bob=SHOP))

    assert (draft.posting.kind, draft.posting.legs, draft.posting.usage) == (Kind.POST, (), ())
    assert draft.state == "pending_approval"
    assert draft.posting.meta["prices"] == {}


def test_nobody_is_asked_whose_wallet_is_frozen() -> None:
    draft = decided(ASKING, facts(bob=SHOP, alice=wallet("alice", state="frozen")))

    assert draft.posting.refusal == "wallet_frozen"


def test_paying_is_decided_when_the_customer_has_said_yes() -> None:
    draft = decided(PAYING, facts(bob=SHOP))

    assert [(leg.account, leg.amount) for leg in draft.posting.legs] == [(1, -1000), (2, 1000)]
    assert draft.posting.meta["business_event"] == "wallet.request-payment"
    assert draft.event["parties"] == {"payee": WALLETS["bob"], "payer": WALLETS["alice"]}


def test_declining_is_recorded_and_moves_nothing() -> None:
    asked = replace(ASKING, because="declined")

    draft = decided(asked, facts(bob=SHOP), Verb.RELEASE)

    assert (draft.posting.kind, draft.posting.refusal) == (Kind.REFUSE, "declined")


@pytest.mark.parametrize(
    ("kind", "step", "state", "told"),
    [
        ("payment-request", 1, "pending_approval", "wallet.payment-requested"),
        ("payment-request", 2, "posted", "wallet.request-payment"),
        ("escrow", 1, "pending_approval", None),
        ("emoney-issuance", 1, "pending_approval", None),
    ],
)
def test_rules_hear_that_a_customer_is_asked_and_of_others_only_once_they_are_posted(
    kind: str, step: int, state: str, told: str | None
) -> None:
    movement = movements()[kind]
    about = {"entity": movement.entity, "action": movement.action}
    data = {"outcome": "posted", "state": state, "business_event": about}
    event = Event(
        tenant_id=1, id=mint(), aggregate="movement", aggregate_id=mint(), version=step,
        type=movement.event_type(step), actor="shop", occurred_at=NOW, data=data, xid=1,
    )  # fmt: skip

    found = kind_of(event, business_events())

    assert (found.name if found else None) == told
