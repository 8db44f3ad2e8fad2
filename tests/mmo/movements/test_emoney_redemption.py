"""E-money redemption: its posting rule, with the trade's worked numbers."""

from mmo.movements.emoney_redemption import PAY, REQUEST, RETURN
from tests.mmo.movements.worked import WORKED, legs


def test_redeemed_emoney_waits_for_the_bank_and_comes_back_when_it_does_not_pay() -> None:
    assert legs(REQUEST, WORKED) == {"payer": -100_000, "REDEMPTION_PENDING": 100_000}
    assert legs(PAY, WORKED) == {"REDEMPTION_PENDING": -100_000, "TRUST_BANK": 100_000}
    assert legs(RETURN, WORKED) == {"REDEMPTION_PENDING": -100_000, "payer": 100_000}
