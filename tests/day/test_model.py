"""The day's own reckoning: it knows nothing of the product, and its sums are worked by hand."""

import ast
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.day.mix import EXTRAS, HOURS, SHARES, plan
from tests.day.model import (
    EXCISE,
    FEES,
    LEVY,
    POOL,
    WHT,
    Account,
    Books,
    earned,
    less,
    paid,
    refunded,
    undone,
)
from tests.day.money import minor, value
from tests.day.prices import price

OURS = {"mmo", "api", "workflows", "activities", "workers", "benchmarks", "tests", ""}
ANN, AGENT, CHIEF = Account("CUSTOMER", "ann"), Account("AGENT_COMM", "a"), Account("SUPER_COMM")
SHOP = Account("MERCHANT", "shop")


@pytest.mark.parametrize(
    "module", sorted(Path(__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_the_day_reckons_without_a_line_of_the_product(module: Path) -> None:
    named = set[str]()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named.add(node.module or "")
    ours = {name for name in named if name.partition(".")[0] in OURS}

    assert all(f"{name}.".startswith("tests.day.") for name in ours)


@pytest.mark.parametrize(
    ("kind", "amount", "on_top", "off", "agent", "above"),
    [
        ("p2p-transfer", 100_00, 0, 0, 0, 0),
        ("p2p-transfer", 100_01, 6_00, 0, 0, 0),
        ("p2p-transfer", 1_000_01, 15_60, 0, 0, 0),
        ("cash-out", 1_000_00, 12_50 + 2_50 + 2_00, 0, 3_20, 80),
        ("cash-out", 1_00, 5_00 + 1_00, 0, 0, 0),
        ("cash-out", 100_000_00, 300_00 + 60_00 + 50_00, 0, 320_00, 80_00),
        ("cash-in", 1_000_00, 0, 0, 4_00, 1_00),
        ("cash-in", 1_001_00, 0, 0, 4_00, 1_00),
        ("merchant-payment", 1_000_00, 0, 7_50 + 1_50, 0, 0),
        ("voucher", 50_00, 12_00, 0, 4_00, 0),
    ],
)
def test_a_price_is_as_one_works_it_out_by_hand(
    kind: str, amount: int, on_top: int, off: int, agent: int, above: int
) -> None:
    told = price(kind, amount)

    assert (told.on_top, told.off, told.agent, told.above) == (on_top, off, agent, above)


def test_a_cash_out_gives_everybody_their_share() -> None:
    books, terms = Books(), price("cash-out", 1_000_00)

    books.post(paid(ANN, Account("AGENT_FLOAT"), 1_000_00, terms), earned(AGENT, CHIEF, terms))

    assert books.balances == {
        ANN: -1_017_00, Account("AGENT_FLOAT"): 1_000_00, FEES: 12_50, EXCISE: 2_50, LEVY: 2_00,
        POOL: -4_00, AGENT: 3_04, CHIEF: 76, WHT: 20,
    }  # fmt: skip


def test_a_refund_in_two_pieces_is_the_payment_turned_round() -> None:
    legs = paid(ANN, SHOP, 99_99, price("merchant-payment", 99_99))
    books = Books()
    first = refunded(legs, 33_33, 99_99, SHOP)

    books.post(legs, first, less(undone(legs), first))

    assert first[ANN] == 33_33
    assert set(books.balances.values()) == {0}


def test_a_movement_that_makes_money_is_not_written_down() -> None:
    with pytest.raises(AssertionError):
        Books().post({ANN: 1})


def test_a_day_is_the_same_for_the_same_seed_and_keeps_the_mix() -> None:
    one, again = (plan(1_000, random.Random(7)) for _ in range(2))
    kinds = Counter(event.kind for event in one)

    assert one == again
    assert [event.hour for event in one] == sorted(event.hour for event in one)
    assert set(EXTRAS) <= set(kinds)
    assert sum(kinds[kind] for kind in SHARES) == 1_000
    assert (kinds["cash-out"], kinds["merchant-payment"]) == (365, 349)
    assert sum(HOURS) == 1_000


def test_amounts_are_written_and_read_alike() -> None:
    assert [value(one) for one in (0, 5, -1_05, 12_34)] == ["0.00", "0.05", "-1.05", "12.34"]
    assert [minor(value(one)) for one in (0, 5, -1_05, 12_34)] == [0, 5, -1_05, 12_34]
