"""Cutting messages: how many parts a text costs, and that no character is lost or cut in two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmo.notifications.gsm import PARTS_MAX, TooLongError, cut, joined

TABLE = [
    ("", "gsm-7", 1),
    ("You have received KES 1,000.00", "gsm-7", 1),
    ("a" * 160, "gsm-7", 1),
    ("a" * 161, "gsm-7", 2),
    ("a" * 306, "gsm-7", 2),
    ("a" * 307, "gsm-7", 3),
    ("€" * 80, "gsm-7", 1),
    ("€" * 81, "gsm-7", 2),
    ("a" * 152 + "€" + "a" * 10, "gsm-7", 2),
    ("é" * 160, "gsm-7", 1),
    ("ê", "ucs-2", 1),
    ("ж" * 70, "ucs-2", 1),
    ("ж" * 71, "ucs-2", 2),
    ("ж" * 134, "ucs-2", 2),
    ("ж" * 135, "ucs-2", 3),
    ("😀" * 35, "ucs-2", 1),
    ("😀" * 36, "ucs-2", 2),
    ("😀" * 67, "ucs-2", 3),
]


@pytest.mark.parametrize(("text", "coding", "parts"), TABLE)
def test_a_text_costs_as_many_parts(text: str, coding: str, parts: int) -> None:
    made = cut(text)

    assert (made.coding, len(made.parts)) == (coding, parts)
    assert joined(made.coding, list(made.parts)) == text


def test_an_extended_character_is_not_cut_in_two() -> None:
    made = cut("a" * 152 + "€" + "a" * 10)

    assert [len(part) for part in made.parts] == [152, 12]


def test_a_text_that_needs_too_many_parts_is_refused() -> None:
    with pytest.raises(TooLongError, match="7 parts"):
        cut("a" * (153 * PARTS_MAX + 1))


@given(st.text(max_size=400))
def test_whatever_is_sent_arrives(text: str) -> None:
    made = cut(text)

    assert joined(made.coding, list(made.parts)) == text
    assert all(len(part) <= 160 for part in made.parts)
