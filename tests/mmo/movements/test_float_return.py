"""Float return: its posting rule, with the trade's worked numbers."""

from mmo.movements.float_return import GIVE_BACK
from tests.mmo.movements.worked import WORKED, legs


def test_a_float_return_gives_the_super_agent_what_the_agent_loses() -> None:
    assert legs(GIVE_BACK, WORKED) == {"payer": -100_000, "payee": 100_000}
