"""Float top-up: its posting rule, with the trade's worked numbers."""

from mmo.movements.float_top_up import TOP_UP
from tests.mmo.movements.worked import WORKED, legs


def test_a_float_top_up_gives_the_agent_what_the_super_agent_loses() -> None:
    assert legs(TOP_UP, WORKED) == {"payer": -100_000, "payee": 100_000}
