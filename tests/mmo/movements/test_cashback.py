"""Cashback: its posting rule, in both books."""

from mmo.movements.cashback import GIVE
from tests.mmo.movements.worked import legs


def test_a_promotion_comes_out_of_the_marketing_pool() -> None:
    assert legs(GIVE, {"A": 2_000}) == {
        "OP.MARKETING_POOL": -2_000,
        "payee": 2_000,
        "MARKETING_EXPENSE": -2_000,
        "OWN_EMONEY.marketing_pool": 2_000,
    }
