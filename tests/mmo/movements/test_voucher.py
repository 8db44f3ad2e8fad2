"""Vouchers: their posting rules, with the trade's worked numbers, and who joins them."""

from dataclasses import replace
from hashlib import sha256

import orjson
import pytest

from mmo.ledger.posting import Instance, Kind
from mmo.movements.support.catalogue import movements
from mmo.movements.support.decide import fingerprint
from mmo.movements.support.outcome import Verb
from mmo.movements.support.terms import compiled
from mmo.movements.voucher import CLAIM, EXPIRE, ISSUE, REDEEM
from tests.mmo.movements.people import WALLETS, facts, request, wallet
from tests.mmo.movements.test_decide import decided
from tests.mmo.movements.test_worth import limits
from tests.mmo.movements.worked import WORKED, legs

REDEEMING = request("voucher", step=2, sender="alice").joining({"agent": WALLETS["agent"]})
FROZEN = replace(facts(agent=wallet("agent", state="frozen")), terms={"A": 1000})


def test_a_voucher_waits_in_escrow_once_its_sender_has_paid_the_fee() -> None:
    assert legs(ISSUE, WORKED) == {
        "payer": -103_000,
        "VOUCHER_ESCROW": 100_000,
        "OP.FEES": 2_500,
        "TAX.EXCISE": 500,
    }


def test_an_agent_gets_float_for_the_cash_and_a_commission() -> None:
    assert legs(REDEEM, {"A": 100_000, "C1": 1_000, "W1": 50}) == {
        "VOUCHER_ESCROW": -100_000,
        "agent": 100_000,
        "OP.COMMISSION_POOL": -1_000,
        "agent.commission": 950,
        "TAX.WHT": 50,
    }


def test_who_registers_gets_the_amount_and_so_does_the_sender_of_one_that_expired() -> None:
    assert legs(CLAIM, WORKED) == {"VOUCHER_ESCROW": -100_000, "recipient": 100_000}
    assert legs(EXPIRE, WORKED) == {"VOUCHER_ESCROW": -100_000, "payer": 100_000}


def test_the_agent_who_pays_out_is_named_by_the_answer() -> None:
    draft = decided(REDEEMING, replace(facts(), terms={"A": 1000}))

    assert [(leg.account, leg.amount) for leg in draft.posting.legs] == [
        (Instance("VOUCHER_ESCROW", "KES"), -1000),
        (3, 1000),
    ]
    assert draft.event["parties"]["agent"] == WALLETS["agent"]
    assert draft.posting.meta["wallets"]["agent"]["id"] == WALLETS["agent"]


REFUSED = {
    "wallet_frozen": wallet("agent", state="frozen"),
    "wallet_closed": wallet("agent", state="closed"),
    "wallet_kind_invalid": wallet("agent", kind="customer"),
    "currency_mismatch": wallet("agent", currency="UGX"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_who_joins_is_checked_like_the_others(code: str) -> None:
    draft = decided(REDEEMING, replace(facts(agent=REFUSED[code]), terms={"A": 1000}))

    assert (draft.posting.kind, draft.posting.refusal) == (Kind.REFUSE, code)


def test_nobody_joins_who_is_a_party_already() -> None:
    claiming = request("voucher", step=50, sender="alice")
    claimed = claiming.joining({"recipient": WALLETS["alice"]})

    assert decided(claimed, facts()).posting.refusal == "same_party"


def test_a_redemption_that_is_refused_leaves_the_voucher_waiting() -> None:
    assert decided(REDEEMING, FROZEN).event["otherwise"] == "pending_partner"


def test_each_try_has_a_number_of_its_own_up_to_the_next_steps() -> None:
    voucher = movements()["voucher"]

    assert voucher.step(49) is REDEEM
    assert voucher.step(50) is voucher.step(99) is CLAIM
    assert voucher.step(100) is voucher.step(999) is EXPIRE
    assert voucher.tries(REDEEM) == range(2, 50)
    assert voucher.tries(ISSUE) == range(1, 2)


def test_who_joins_is_part_of_the_request() -> None:
    another = REDEEMING.joining({"agent": WALLETS["super"]})

    assert fingerprint(REDEEMING, Verb.EXECUTE) != fingerprint(another, Verb.EXECUTE)


def test_where_nobody_joins_the_fingerprint_is_as_it_always_was() -> None:
    seen = ["p2p-transfer", 1, {"amount": {"currency": "KES", "value": "10.00"}}]
    asked = request("p2p-transfer")

    made = sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).digest()
    assert fingerprint(asked, Verb.EXECUTE) == made


def test_who_joins_is_held_to_limits_of_their_own_and_counted() -> None:
    daily = limits("agent", limits=[{"direction": "in", "max": "9.99"}])
    operator = compiled(3, [daily])
    refused = decided(REDEEMING, replace(facts(), terms={"A": 1000}, operator=operator))
    counting = limits("agent", limits=[{"direction": "in", "daily": {"value": "50.00"}}])
    within = replace(facts(), terms={"A": 1000}, operator=compiled(3, [counting]))

    (row,) = decided(REDEEMING, within).posting.usage

    assert refused.posting.refusal == "greater_than_transaction_max_value"
    assert refused.event["otherwise"] == "pending_partner"
    assert (row.account, row.amount, row.cap_amount) == (3, 1000, 5000)


def test_a_claim_is_held_against_what_the_recipients_wallet_may_hold() -> None:
    operator = compiled(3, [limits("customer", balance="30.00")])
    claiming = request("voucher", step=50, sender="alice").joining({"recipient": WALLETS["bob"]})
    known = replace(facts(), terms={"A": 1000}, operator=operator)

    (row,) = decided(claiming, known).posting.usage

    assert (row.account, row.cap_amount, row.refusal) == (2, 3000, "max_balance_exceeded")


def test_money_that_goes_back_is_held_to_nobodys_limits() -> None:
    operator = compiled(3, [limits("customer", balance="0.01")])
    known = replace(facts(), terms={"A": 1000}, operator=operator)

    assert decided(request("voucher", step=100, sender="alice"), known).posting.usage == ()
