"""Dormancy: its posting rules, with the trade's worked numbers, and the reference of the bank."""

from dataclasses import replace

from mmo.movements.dormancy import ESCHEAT, RECLAIM, SET_ASIDE
from tests.mmo.movements.people import facts, request
from tests.mmo.movements.test_decide import decided
from tests.mmo.movements.worked import WORKED, legs


def test_unclaimed_money_goes_back_or_to_the_authority() -> None:
    assert legs(SET_ASIDE, WORKED) == {"payer": -100_000, "UNCLAIMED": 100_000}
    assert legs(ESCHEAT, WORKED) == {"UNCLAIMED": -100_000, "TRUST_BANK": 100_000}
    assert legs(RECLAIM, WORKED) == {"UNCLAIMED": -100_000, "payer": 100_000}


def test_the_record_names_the_entry_on_the_banks_statement() -> None:
    asked = request("dormancy", step=2, customer="alice").joining({}, "BANK 77")

    record = decided(asked, replace(facts(), terms={"A": 1000})).posting.meta

    assert record["bank_reference"] == "BANK 77"
