"""Fee sweep: its posting rule, in both books."""

from mmo.movements.fee_sweep import SWEEP
from tests.mmo.movements.worked import legs


def test_fees_leave_trust_and_arrive_in_the_operators_own_bank() -> None:
    assert legs(SWEEP, {"A": 500_000}) == {
        "OP.FEES": -500_000,
        "TRUST_BANK": 500_000,
        "CORP_BANK": -500_000,
        "OWN_EMONEY.fees": 500_000,
    }
