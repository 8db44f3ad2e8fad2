"""Float rebalancing: its posting rule."""

from mmo.movements.float_rebalancing import REBALANCE
from tests.mmo.movements.worked import legs


def test_float_goes_from_one_agent_to_another() -> None:
    assert legs(REBALANCE, {"A": 100_000}) == {
        "payer": -100_000,
        "payee": 100_000,
    }
