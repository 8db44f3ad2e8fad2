"""Cash-in: its posting rule, with the trade's worked numbers."""

import pytest

from mmo.movements.cash_in import PAY_IN
from mmo.movements.support.posting_rule import NegativeLineError
from tests.mmo.movements.worked import WORKED, legs


def test_a_line_that_turns_round_is_an_error_not_a_smaller_posting() -> None:
    with pytest.raises(NegativeLineError, match=r"agent\.commission"):
        PAY_IN.rule.fill({"A": 1000, "C1": 5, "W1": 6})


def test_a_cash_in_pays_commission_from_the_pool_and_withholds_tax() -> None:
    assert legs(PAY_IN, WORKED) == {
        "agent": -100_000,
        "payee": 100_000,
        "OP.COMMISSION_POOL": -1_000,
        "agent.commission": 760,
        "super-agent.commission": 190,
        "TAX.WHT": 50,
    }
