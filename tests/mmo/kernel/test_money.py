"""Money on the wire and in minor units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.kernel.money import LARGEST_MINOR, AmountError, Money

WRITTEN = [
    ("1000.00", "KES", 100_000, "1000.00"),
    ("1000", "KES", 100_000, "1000.00"),
    ("0.5", "KES", 50, "0.50"),
    ("5", "UGX", 5, "5"),
    ("0.005", "KWD", 5, "0.005"),
    ("12.34", "AFN", 1234, "12.34"),
]

NOT_AMOUNTS = [
    "", "-1", "+5", "01", "1,000", "1e3", "0.001", "1.", ".5", " 5", "5 ", "5\n", "NaN", "Infinity",
    "\uff11\uff12", "\u0665\u0660", "1_000", "99999999999999999",
]  # fmt: skip


@pytest.mark.parametrize(("written", "currency", "minor", "value"), WRITTEN)
def test_an_amount_is_read_in_the_digits_of_its_currency(
    written: str, currency: str, minor: int, value: str
) -> None:
    money = Money.parse(written, currency)

    assert (money.minor, money.value) == (minor, value)


@pytest.mark.parametrize("written", NOT_AMOUNTS)
def test_what_is_no_plain_decimal_is_no_amount(written: str) -> None:
    with pytest.raises(AmountError):
        Money.parse(written, "KES")


@pytest.mark.parametrize("currency", ["QQQ", "kes", "KE", "", "ABC"])
def test_an_unknown_currency_has_no_amounts(currency: str) -> None:
    with pytest.raises(AmountError, match="currency"):
        Money.parse("1", currency)


@given(st.integers(0, LARGEST_MINOR), st.sampled_from(["KES", "UGX", "KWD", "AFN"]))
def test_writing_and_reading_an_amount_changes_nothing(minor: int, currency: str) -> None:
    assert Money.parse(Money(minor, currency).value, currency) == Money(minor, currency)


def test_people_read_thousands_with_commas() -> None:
    assert str(Money(123_456_789, "KES")) == "KES 1,234,567.89"
