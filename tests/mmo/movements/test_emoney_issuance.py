"""E-money issuance: its posting rule, with the trade's worked numbers."""

from mmo.movements.emoney_issuance import CANCEL, RECORD, RELEASE
from tests.mmo.movements.worked import WORKED, legs


def test_issued_emoney_waits_between_the_bank_and_its_holder() -> None:
    assert legs(RECORD, WORKED) == {"TRUST_BANK": -100_000, "ISSUANCE_PENDING": 100_000}
    assert legs(RELEASE, WORKED) == {"ISSUANCE_PENDING": -100_000, "payee": 100_000}
    assert legs(CANCEL, WORKED) == {"ISSUANCE_PENDING": -100_000, "TRUST_BANK": 100_000}
