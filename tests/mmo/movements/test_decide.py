"""Deciding a step: checks, price and posting from one set of facts."""

from dataclasses import replace

import pytest

from mmo.bep.listener import BusinessEventListener
from mmo.ledger.posting import Instance, Kind
from mmo.movements.support.catalogue import movements
from mmo.movements.support.decide import Draft, decide, fingerprint
from mmo.movements.support.facts import Facts, WalletFacts
from mmo.movements.support.outcome import Request, Verb
from tests.mmo.movements.people import WALLETS, facts, request, wallet

SENDING = request("p2p-transfer", sender="alice", recipient="bob")


def decided(asked: Request, known: Facts, verb: Verb = Verb.EXECUTE) -> Draft:
    movement = movements()[asked.movement]
    command = movement.command.model_validate(asked.command)
    draft = decide(movement, command, asked, verb, known, BusinessEventListener())
    assert isinstance(draft, Draft)
    return draft


def test_a_transfer_debits_the_payer_and_credits_the_payee() -> None:
    draft = decided(SENDING, facts())

    assert draft.posting.kind is Kind.POST
    assert [(leg.account, leg.amount, leg.role) for leg in draft.posting.legs] == [
        (1, -1000, "payer"),
        (2, 1000, "payee"),
    ]


def test_the_posting_carries_the_versions_it_was_decided_on() -> None:
    draft = decided(SENDING, facts())

    assert draft.posting.rules_version == 3
    assert {leg.facts_version for leg in draft.posting.legs} == {7}


REFUSED = [
    ("wallet_not_found", None),
    ("wallet_closed", wallet("bob", state="closed")),
    ("wallet_frozen", wallet("bob", state="frozen")),
    ("wallet_kind_invalid", wallet("bob", kind="agent")),
    ("currency_mismatch", wallet("bob", currency="UGX")),
]


@pytest.mark.parametrize(("code", "bob"), REFUSED, ids=[code for code, _ in REFUSED])
def test_a_wallet_that_may_not_take_part_refuses_the_movement(
    code: str, bob: WalletFacts | None
) -> None:
    known = facts()
    others = {key: value for key, value in known.wallets.items() if key != WALLETS["bob"]}
    wallets = others | ({WALLETS["bob"]: bob} if bob else {})

    draft = decided(SENDING, replace(known, wallets=wallets))

    assert draft.posting.kind is Kind.REFUSE
    assert draft.posting.refusal == code
    assert draft.posting.legs == ()


def test_the_record_tells_every_check_that_was_made() -> None:
    record = decided(SENDING, facts(bob=wallet("bob", state="frozen"))).posting.meta

    verdicts = {row["check"]: row["verdict"] for row in record["considered"]}
    assert verdicts["payer.open"] == "allow"
    assert verdicts["payee.free"] == "wallet_frozen"
    assert record["wallets"]["payee"]["state"] == "frozen"


def test_a_later_step_is_never_priced_again() -> None:
    asked = request("emoney-redemption", step=2, holder="super")
    known = replace(facts(), terms={"A": 777})

    draft = decided(asked, known)

    assert [(leg.account, leg.amount) for leg in draft.posting.legs] == [
        (Instance("REDEMPTION_PENDING", "KES"), -777),
        (-1, 777),
    ]


def test_reserving_sets_the_debit_of_the_party_aside() -> None:
    draft = decided(SENDING, facts(), Verb.RESERVE)

    assert draft.posting.kind is Kind.HOLD
    assert draft.posting.step == 1001
    assert [leg.reserve for leg in draft.posting.legs] == [True, False]
    assert draft.state == "pending_approval"


def test_settling_captures_the_hold_at_the_prices_it_was_made_at() -> None:
    known = replace(facts(), terms={"A": 1000})

    draft = decided(SENDING, known, Verb.SETTLE)

    assert (draft.posting.kind, draft.posting.hold_step) == (Kind.CAPTURE, 1001)
    assert draft.posting.step == 1


def test_releasing_voids_the_hold_and_moves_nothing() -> None:
    draft = decided(SENDING, facts(), Verb.RELEASE)

    assert (draft.posting.kind, draft.posting.hold_step) == (Kind.VOID, 1001)
    assert draft.posting.legs == ()


def test_a_decision_depends_on_its_arguments_alone() -> None:
    assert decided(SENDING, facts()) == decided(SENDING, facts())


def test_the_fingerprint_is_that_of_the_request_whatever_the_facts() -> None:
    other = replace(SENDING, command={**SENDING.command, "recipient": WALLETS["super"]})

    assert fingerprint(SENDING, Verb.EXECUTE) == fingerprint(SENDING, Verb.SETTLE)
    assert fingerprint(SENDING, Verb.EXECUTE) != fingerprint(other, Verb.EXECUTE)
    assert fingerprint(SENDING, Verb.EXECUTE) != fingerprint(SENDING, Verb.RESERVE)
