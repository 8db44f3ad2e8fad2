"""Liens: what a receiver who is short owes to a reversal, and whose turn it is."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mmo.movements.support.liens import has, owed, part_of
from mmo.movements.support.taking_back import Lien, undoing
from tests.mmo.movements.taken_back import named, original
from tests.mmo.movements.worked import WORKED

PLAIN = original("p2p-transfer", {"A": 100_000}, sender="alice", recipient="bob")
PRICED = original(
    "p2p-transfer", {"A": 100_000, "F": 2_500, "X": 500}, sender="alice", recipient="bob"
)


def receiving() -> int:
    assert PLAIN.receiver is not None
    return PLAIN.receiver.account


def test_the_receiver_owes_what_arrived() -> None:
    assert owed(PLAIN, undoing(PLAIN, 100_000, "returned")) == 100_000
    assert owed(PRICED, undoing(PRICED, 100_000, "returned")) == 100_000


def test_no_lien_stands_where_others_must_pay_back_too() -> None:
    cash_out = original("cash-out", WORKED, customer="alice", agent="agent")

    assert owed(cash_out, undoing(cash_out, 100_000, "returned")) == 0


def test_older_liens_come_first() -> None:
    liens = tuple(Lien(movement=name, account=receiving(), left=30_000) for name in ("a", "b"))
    known = replace(PLAIN, available={receiving(): 40_000}, liens=liens)

    assert (has(known, "a"), has(known, "b"), has(known, "c")) == (40_000, 10_000, 0)


def test_of_600_collected_600_go_back() -> None:
    change = undoing(PLAIN, 100_000, "returned")

    assert named(PLAIN, part_of(PLAIN, change, 60_000, 100_000)) == {
        "payee": -60_000,
        "payer": 60_000,
    }


def test_fees_come_back_in_the_share_that_was_collected() -> None:
    change = undoing(PRICED, 100_000, "returned")

    assert named(PRICED, part_of(PRICED, change, 60_000, 100_000)) == {
        "payee": -60_000,
        "OP.FEES": -1_500,
        "TAX.EXCISE": -300,
        "payer": 61_800,
    }


@given(st.integers(1, 100_000))
def test_exactly_what_was_collected_is_paid_out(collected: int) -> None:
    change = undoing(PRICED, 100_000, "returned")

    part = part_of(PRICED, change, collected, 100_000)

    assert part[receiving()] == -collected
    assert sum(part.values()) == 0
