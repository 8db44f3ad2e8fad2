"""A merchant payment: the merchant bears the discount."""

from mmo.movements.merchant_payment import PAY
from tests.mmo.movements.worked import legs


def test_a_merchant_is_paid_less_the_discount_and_its_tax() -> None:
    assert legs(PAY, {"A": 100_000, "M": 1_000, "XM": 200}) == {
        "payer": -100_000,
        "payee": 98_800,
        "OP.FEES": 1_000,
        "TAX.EXCISE": 200,
    }
