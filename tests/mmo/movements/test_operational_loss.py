"""Operational loss: its posting rule, in both books."""

from mmo.movements.operational_loss import MAKE_WHOLE
from tests.mmo.movements.worked import legs


def test_a_customer_is_made_whole_and_the_loss_is_booked() -> None:
    assert legs(MAKE_WHOLE, {"A": 100_000}) == {
        "OP.LOSS_POOL": -100_000,
        "payee": 100_000,
        "OPERATIONAL_LOSS": -100_000,
        "OWN_EMONEY.loss_pool": 100_000,
    }
