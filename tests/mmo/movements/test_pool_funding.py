"""Pool funding: its posting rule, in both books."""

from mmo.movements.pool_funding import FUND
from tests.mmo.movements.worked import legs


def test_own_money_goes_into_trust_for_a_pool() -> None:
    assert legs(FUND, {"A": 900_000}) == {
        "TRUST_BANK": -900_000,
        "OP.COMMISSION_POOL / OP.MARKETING_POOL / OP.LOSS_POOL": 900_000,
        "OWN_EMONEY.commission_pool / OWN_EMONEY.marketing_pool / OWN_EMONEY.loss_pool": -900_000,
        "CORP_BANK": 900_000,
    }
