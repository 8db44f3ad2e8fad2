"""A reversal: the journal turned round, whole or in pieces that add up to it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.movements.support.symbols import MEANINGS
from mmo.movements.support.taking_back import Fees, half_even, undoing
from tests.mmo.movements.taken_back import after, named, original
from tests.mmo.movements.worked import WORKED

TRANSFER = original(
    "p2p-transfer", {"A": 100_000, "F": 2_500, "X": 500}, sender="alice", recipient="bob"
)
CASH_OUT = original("cash-out", WORKED, customer="alice", agent="agent")


def test_a_reversal_returns_the_fee_and_its_tax_too() -> None:
    assert named(TRANSFER, undoing(TRANSFER, 100_000, "returned")) == {
        "payee": -100_000,
        "OP.FEES": -2_500,
        "TAX.EXCISE": -500,
        "payer": 103_000,
    }


def test_fees_may_be_kept() -> None:
    assert named(TRANSFER, undoing(TRANSFER, 100_000, "kept")) == {
        "payee": -100_000,
        "payer": 100_000,
    }


def test_the_commission_is_clawed_back_with_what_was_withheld_from_it() -> None:
    whole = named(CASH_OUT, undoing(CASH_OUT, 100_000, "returned"))

    assert whole["OP.COMMISSION_POOL"] == 1_000
    assert whole["agent.commission"] == -760
    assert whole["super-agent.commission"] == -190
    assert whole["TAX.WHT"] == -50


def test_whoever_received_is_found_by_the_legs() -> None:
    assert TRANSFER.receiver is not None
    assert TRANSFER.giver is not None
    assert (TRANSFER.receiver.role, TRANSFER.giver.role) == ("payee", "payer")
    assert CASH_OUT.receiver is not None
    assert CASH_OUT.receiver.role == "agent"


@pytest.mark.parametrize(
    ("part", "whole", "half"), [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0)]
)
def test_halves_go_to_the_even_neighbour(part: int, whole: int, half: int) -> None:
    assert half_even(part, whole) == half


PRICES = st.fixed_dictionaries(
    {"A": st.integers(1, 10**9)}
    | {symbol: st.integers(0, 10**6) for symbol in ("F", "X", "T", "S", "XS")}
)
PIECES = st.lists(st.integers(1, 10**9), min_size=1, max_size=6)


@pytest.mark.case("G9")
@given(PRICES, PIECES, st.sampled_from(["returned", "kept"]))
def test_pieces_add_up_to_the_whole_leg_by_leg(
    prices: dict[str, int], pieces: list[int], fees: Fees
) -> None:
    moved = original("p2p-transfer", prices, sender="alice", recipient="bob")
    whole, total = undoing(moved, prices["A"], fees), Counter[int]()
    for piece in pieces:
        if left := min(piece, moved.left):
            total.update(undoing(moved, left, fees))
            moved = after(moved, left, fees)
    if moved.left:
        total.update(undoing(moved, moved.left, fees))

    assert {account: minor for account, minor in total.items() if minor} == whole


@given(PRICES, st.integers(1, 10**9))
def test_every_piece_cancels_out(prices: dict[str, int], part: int) -> None:
    moved = original("p2p-transfer", prices, sender="alice", recipient="bob")

    assert sum(undoing(moved, min(part, prices["A"]), "returned").values()) == 0


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_every_piece_cancels_out_in_each_book(minor: int, part: int) -> None:
    loss = original("operational-loss", {"A": minor}, customer="alice")
    change = undoing(loss, min(part, minor), "returned")

    for unit in {one.unit for one in loss.moved}:
        assert sum(change.get(one.account, 0) for one in loss.moved if one.unit == unit) == 0


def test_every_symbol_of_a_fee_can_come_back() -> None:
    every = dict.fromkeys(MEANINGS, 10) | {"A": 1_000}
    moved = original("cash-out", every, customer="alice", agent="agent")

    back = undoing(moved, 1_000, "returned")
    assert back == {one.account: -one.amount for one in moved.moved}
