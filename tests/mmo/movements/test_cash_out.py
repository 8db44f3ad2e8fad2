"""Cash-out: its posting rule, with the trade's worked numbers."""

from mmo.movements.cash_out import PAY_OUT
from tests.mmo.movements.worked import WORKED, legs


def test_a_cash_out_charges_the_customer_and_pays_the_agent() -> None:
    assert legs(PAY_OUT, WORKED) == {
        "payer": -103_000,
        "agent": 100_000,
        "OP.FEES": 2_500,
        "TAX.EXCISE": 500,
        "OP.COMMISSION_POOL": -1_000,
        "agent.commission": 760,
        "super-agent.commission": 190,
        "TAX.WHT": 50,
    }
