"""Commission payout: its posting rule."""

from mmo.movements.commission_payout import PAY_OUT
from tests.mmo.movements.worked import legs


def test_commission_becomes_float_of_the_same_agent() -> None:
    assert legs(PAY_OUT, {"A": 50_000}) == {
        "agent.commission": -50_000,
        "agent": 50_000,
    }
