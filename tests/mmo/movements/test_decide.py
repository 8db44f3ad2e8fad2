"""Deciding a step: checks, price and posting from one set of facts."""

from dataclasses import replace

import pytest

from mmo.bep.event import BusinessEvent, Phase
from mmo.bep.facts import Need, RuleFacts
from mmo.bep.listener import BusinessEventListener
from mmo.bep.processor import Metadata, Validator
from mmo.bep.processors.data_driven_authorisation import DataDrivenAuthorisation
from mmo.bep.registry import Processor
from mmo.bep.snapshot import Snapshot, Stored, compiled
from mmo.bep.verdict import Approval, Refuse, Verdict
from mmo.ledger.posting import Instance, Kind
from mmo.movements.support.business_events import business_events
from mmo.movements.support.catalogue import movements
from mmo.movements.support.decide import Draft, StillAsked, decide, fingerprint
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


class Blunt(Validator[Metadata]):
    """A plug-in's processor, with a code of its own."""

    name = "blunt"
    title = help = "Refuses."
    metadata = Metadata

    def decide(self, event: BusinessEvent, facts: RuleFacts, metadata: Metadata) -> Verdict:
        return Refuse("not_on_my_watch", "not today")


def under(processor: Processor, metadata: dict[str, object], event: str) -> Snapshot:
    rule = Stored(
        definition="d-1", version=2, event=event, phase=Phase.PRE, product=None,
        processor=processor.name, mode="binding", metadata=metadata,
    )  # fmt: skip
    return compiled(3, [rule], {processor.name: processor}, business_events().kinds)


MUCH = {
    "currency": "KES", "completeness": "contiguous", "subject": "approver",
    "bands": [{"fromMinor": 1000, "toMinor": None, "roles": ["manager"]}],
}  # fmt: skip
ASKING = under(DataDrivenAuthorisation(), MUCH, "wallet.transfer")
ROLES = {Need("roles").key: None}


def test_a_plug_ins_own_code_is_told_among_the_violations_of_a_published_one() -> None:
    draft = decided(SENDING, replace(facts(), rules=under(Blunt(), {}, "wallet.transfer")))

    assert (draft.posting.kind, draft.posting.refusal) == (Kind.REFUSE, "rule_refused")
    (violation,) = draft.posting.meta["violations"]
    assert violation["code"] == "not_on_my_watch"


def test_what_rules_ask_approval_for_is_set_aside_instead_of_posted() -> None:
    draft = decided(SENDING, replace(facts(), rules=ASKING, values=ROLES))

    assert (draft.posting.kind, draft.posting.step) == (Kind.HOLD, 1001)
    assert draft.state == "pending_approval"
    assert draft.posting.meta["open"] == draft.posting.meta["asks"]


def test_once_everybody_has_agreed_it_is_captured_and_the_record_names_them() -> None:
    asked = SENDING.agreed((), (Approval(subject="boss", roles=("manager",)),))

    draft = decided(asked, replace(facts(), rules=ASKING, values=ROLES), Verb.SETTLE)

    assert draft.posting.kind is Kind.CAPTURE
    assert draft.posting.meta["approvals"] == [{"subject": "boss", "roles": ["manager"]}]
    assert "open" not in draft.posting.meta or draft.posting.meta["open"] == []


def test_what_still_lacks_somebody_stays_set_aside_and_nothing_is_posted() -> None:
    movement = movements()[SENDING.movement]
    command = movement.command.model_validate(SENDING.command)
    known = replace(facts(), rules=ASKING, values=ROLES)

    answer = decide(movement, command, SENDING, Verb.SETTLE, known, BusinessEventListener())

    assert isinstance(answer, StillAsked)
    assert [ask.roles for ask in answer.asks] == [("manager",)]


def test_rules_are_asked_at_the_first_step_alone() -> None:
    known = replace(facts(), terms={"A": 777}, rules=under(Blunt(), {}, "emoney.redeem"))

    draft = decided(request("emoney-redemption", step=2, holder="super"), known)

    assert draft.posting.kind is Kind.POST


def test_the_record_has_what_is_needed_to_decide_again() -> None:
    record = decided(SENDING, replace(facts(), rules=ASKING, values=ROLES)).posting.meta

    assert record["business_event"] == "wallet.transfer"
    assert record["amount"] == {"minor": 1000, "currency": "KES"}
    assert record["facts"] == ROLES
    assert [(row["definition"], row["version"]) for row in record["rules"]] == [("d-1", 2)]
