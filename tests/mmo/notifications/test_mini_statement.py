"""A mini-statement: what the last movements were, in the operator's language, in two messages."""

from datetime import UTC, datetime

import pytest

from mmo.kernel.money import Money
from mmo.notifications.gsm import cut
from mmo.notifications.mini_statement import mini_statement

AT = datetime(2026, 11, 27, 21, 5, tzinfo=UTC)
LINES = [(AT, Money(-1_030_00, "KES")), (AT, Money(2_500_50, "KES"))]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ("Demo: last movements\n28/11 00:05 -1,030.00\n28/11 00:05 +2,500.50\n"
               "Balance KES 1,470.50")),
        ("sw", ("Demo: miamala ya mwisho\n28/11 00:05 -1,030.00\n28/11 00:05 +2,500.50\n"
               "Salio KES 1,470.50")),
        ("fr", ("Demo: dernières opérations\n28/11 00:05 -1 030,00\n28/11 00:05 +2 500,50\n"
               "Solde KES 1 470,50")),
        ("xx", ("Demo: last movements\n28/11 00:05 -1,030.00\n28/11 00:05 +2,500.50\n"
               "Balance KES 1,470.50")),
    ],
)  # fmt: skip
def test_it_tells_the_lines_and_the_balance_by_the_operators_clock(
    language: str, told: str
) -> None:
    balance = Money(1_470_50, "KES")

    assert mini_statement(LINES, balance, language, "Demo", "Africa/Nairobi") == told


def test_a_wallet_where_nothing_moved_has_a_balance() -> None:
    assert mini_statement([], Money(0, "KES"), "en", "Demo", "UTC") == "Demo\nBalance KES 0.00"


def test_it_names_five_movements_and_fits_into_two_parts() -> None:
    many = [(AT, Money(-(10**12), "KES"))] * 9

    text = mini_statement(many, Money(10**12, "KES"), "fr", "O" * 80, "UTC")

    assert text.count("27/11") == 5
    made = cut(text)
    assert (made.coding, len(made.parts)) == ("gsm-7", 2)
