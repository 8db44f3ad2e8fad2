"""What arrives when so much leaves the sender: exact, against trying every amount."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.pricing.price import CannotPriceError, Ticket, lines_of, price
from mmo.pricing.solving import largest
from mmo.pricing.tariff import Tariff, read
from tests.mmo.pricing.documents import charged, document, tariffs


def leaves(tariff: Tariff, amount: int, used: dict[str, int]) -> int:
    """What leaves the sender so that so much arrives."""
    lines = lines_of(tariff, amount, used)
    return amount + sum(line.amount + line.tax for line in lines if line.payer == "sender")


def told_apart(tariff: Tariff, ticket: Ticket) -> tuple[int, str]:
    """What arrives, or the code of why nothing does."""
    try:
        return price(tariff, ticket).symbols["A"], ""
    except CannotPriceError as error:
        return 0, error.code


@given(
    tariffs(most=60),
    st.integers(1, 150),
    st.dictionaries(st.sampled_from(["fee-0", "fee-1"]), st.integers(0, 4)),
)
def test_the_largest_amount_arrives_whatever_the_tariff(
    told: dict[str, Any], send: int, used: dict[str, int]
) -> None:
    tariff = read(told)
    fitting = [n for n in range(1, send + 1) if leaves(tariff, n, used) <= send]

    arrives, code = told_apart(tariff, Ticket(amount=send, amount_type="send", used=used))

    assert (code == "amount_too_small") == (not fitting)
    assert code == "fee_exceeds_amount" or arrives == max(fitting, default=0)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(0, 80), st.data())
def test_any_table_of_fees_that_falls_only_at_its_edges_is_solved(
    steps: list[int], most: int, data: st.DataObject
) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, 60), max_size=5)))
    totals, level = [0], 0
    for amount, step in enumerate(steps, 1):
        level = step if amount in edges else max(level, step)
        totals.append(amount + level)
    fitting = [n for n in range(1, len(totals)) if totals[n] <= most]

    def total(amount: int) -> int:
        return totals[amount] if amount < len(totals) else amount + 10**6

    assert largest(total, edges, most) == max(fitting, default=0)


def test_a_thousand_and_thirty_leaves_and_a_thousand_arrives() -> None:
    tariff = charged({"kind": "flat", "amount": "25"}, tax="0.20")

    found = price(tariff, Ticket(amount=103_000, amount_type="send")).symbols

    assert found == {"A": 100_000, "F": 2500, "X": 500}


JUMP = {
    "kind": "banded_flat",
    "bands": [{"from": "0", "amount": "5"}, {"from": "100.00", "amount": "20"}],
}


@pytest.mark.parametrize(
    ("send", "arrives"), [(10_499, 9_999), (11_999, 9_999), (12_000, 10_000), (12_050, 10_050)]
)
def test_what_lies_below_a_jump_of_the_fee_stays_with_the_sender(send: int, arrives: int) -> None:
    found = price(charged(JUMP), Ticket(amount=send, amount_type="send")).symbols

    assert found["A"] == arrives
    assert found["A"] + found["F"] <= send


def test_where_the_fee_falls_the_larger_amount_arrives() -> None:
    falls = {
        "kind": "banded_flat",
        "bands": [{"from": "0", "amount": "20"}, {"from": "100.00", "amount": "5"}],
    }

    assert price(charged(falls), Ticket(amount=10_500, amount_type="send")).symbols["A"] == 10_000
    assert price(charged(falls), Ticket(amount=10_499, amount_type="send")).symbols["A"] == 8_499


@pytest.mark.parametrize("send", [1, 500])
def test_where_fees_leave_nothing_there_is_no_price(send: int) -> None:
    with pytest.raises(CannotPriceError) as refused:
        price(charged(JUMP), Ticket(amount=send, amount_type="send"))

    assert refused.value.code == "amount_too_small"


def test_the_largest_amounts_are_solved_too() -> None:
    tariff = read(document(levy={"rate": "0.01"}))

    found = price(tariff, Ticket(amount=10**15, amount_type="send")).symbols

    assert found["A"] + found["T"] <= 10**15
    assert 10**15 - (found["A"] + found["T"]) <= 1
