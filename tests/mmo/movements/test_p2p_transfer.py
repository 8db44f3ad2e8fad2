"""P2P transfer: its posting rule, with the trade's worked numbers."""

from mmo.movements.p2p_transfer import SEND
from tests.mmo.movements.worked import WORKED, legs


def test_a_priced_p2p_transfer_has_four_legs() -> None:
    assert legs(SEND, WORKED) == {
        "payer": -103_000,
        "payee": 100_000,
        "OP.FEES": 2_500,
        "TAX.EXCISE": 500,
    }


def test_lines_that_move_nothing_are_left_out() -> None:
    assert legs(SEND, {"A": 1000}) == {"payer": -1000, "payee": 1000}
