"""Declared events: every event of the loan and savings catalogue can be named by a rule."""

from collections import Counter

import pytest

from mmo.bep.catalogue import Catalogue, UnknownEventError
from mmo.bep.declared import EVENTS
from mmo.bep.event import BOTH

SPOKEN = [
    ("loan", "waive interest", "loan.waive-interest"),
    ("loan", "WaiveInterest", "loan.waive-interest"),
    ("loan", "loan_waive_interest", "loan.waive-interest"),
    ("loan", "approval", "loan.approve"),
    ("loan", "loan_approved", "loan.approve"),
    ("loan", "Disbursal", "loan.disburse"),
    ("loan", "loan_repayment_transaction", "loan.repay"),
    ("loan", "loan_undo_lastdisbursal", "loan.undo-last-disbursal"),
    ("savings", "withdrawal", "savings.withdraw"),
    ("savings", "savings_post_interest", "savings.post-interest"),
    ("client", "client_activate", "client.activate"),
    ("Fixed Deposit", "create", "fixed-deposit.create"),
]


@pytest.mark.parametrize(("entity", "words", "name"), SPOKEN)
def test_an_event_is_found_by_the_words_that_rules_use(entity: str, words: str, name: str) -> None:
    assert Catalogue(EVENTS).find(entity, words).name == name


def test_no_words_mean_two_events() -> None:
    said = Counter((kind.entity, word) for kind in EVENTS for word in kind.spoken)

    assert [words for words, times in said.items() if times > 1] == []


def test_every_event_is_there_once_and_in_both_phases() -> None:
    assert len({kind.name for kind in EVENTS}) == len(EVENTS)
    assert {kind.phases for kind in EVENTS} == {BOTH}
    assert all(kind.declared for kind in EVENTS)


@pytest.mark.parametrize("name", ["loan.approve", "loan.disburse", "loan.repay", "savings.deposit"])
def test_an_event_that_decides_on_an_amount_carries_one(name: str) -> None:
    assert next(kind for kind in EVENTS if kind.name == name).amount


def test_an_unknown_event_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownEventError, match=r"loan\.waive-interest"):
        Catalogue(EVENTS).find("loan", "wave interests")
