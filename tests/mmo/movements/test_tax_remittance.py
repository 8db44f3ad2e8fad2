"""Tax remittance: its posting rule."""

from mmo.movements.tax_remittance import REMIT
from tests.mmo.movements.worked import legs


def test_a_tax_leaves_trust_for_the_authority() -> None:
    assert legs(REMIT, {"A": 80_000}) == {
        "TAX.EXCISE / TAX.LEVY / TAX.WHT": -80_000,
        "TRUST_BANK": 80_000,
    }
