"""Escrow: its posting rules, with the trade's worked numbers."""

from mmo.movements.escrow import FUND, RELEASE, RETURN
from tests.mmo.movements.worked import legs

WITH_DISCOUNT = {"A": 100_000, "M": 2_500}


def test_what_is_in_escrow_is_the_merchants_less_the_fee_or_all_the_customers() -> None:
    assert legs(FUND, WITH_DISCOUNT) == {"payer": -100_000, "ESCROW": 100_000}
    assert legs(RELEASE, WITH_DISCOUNT) == {
        "ESCROW": -100_000,
        "payee": 97_500,
        "OP.FEES": 2_500,
    }
    assert legs(RETURN, WITH_DISCOUNT) == {"ESCROW": -100_000, "payer": 100_000}
