"""A name is written as its owner writes it; nothing that does not show can hide in it."""

import pytest

from mmo.kernel.text import is_line, name_of

JOINED = [
    "می\u200cشود",
    "චන්ද්\u200dරිකා",
    "അവന\u0d4d\u200d",
    "Jean\u00a0Paul",
    "Marie\u202fClaire",
    "Ada",
    "Ọláolúwa",
]


@pytest.mark.parametrize("name", JOINED)
def test_a_name_keeps_its_joiners_and_no_break_spaces_inside_words(name: str) -> None:
    assert name_of(name) == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("\u200cAda", "Ada"),
        ("Ada\u200d", "Ada"),
        ("\u00a0Ada\u00a0", "Ada"),
        ("Ada \u200cMoyo", "Ada Moyo"),
        ("Ada \u00a0Moyo", "Ada Moyo"),
        ("Ada\u00a0 Moyo", "Ada Moyo"),
        ("می\u200c\u200c\u200cشود", "می\u200cشود"),
        ("\u200dAda\u200c\u200d", "Ada"),
    ],
    ids=ascii,
)
def test_a_name_loses_them_where_they_do_nothing(written: str, name: str) -> None:
    assert name_of(written) == name
    assert name_of(name) == name


@pytest.mark.parametrize(
    "written",
    ["", " ", "\u200d", "\u00a0", " Ada", "Ada ", "Ada\u202e", "\u2066Ada", "Ada\u200b", "A\nB",
     "Ada\x7f", "Ada\x85", "Ada\u200f", "Ada\ufeff", "A\u2028B", "\ue000", "Ada\U000e0041"],
    ids=ascii,
)  # fmt: skip
def test_a_name_that_holds_what_does_not_show_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        name_of(written)


@pytest.mark.parametrize("line", ["", "za wewe", "شكر\u200f!", "می\u200cشود", "a\u00a0b", "🎂"])
def test_a_line_of_any_script_is_taken(line: str) -> None:
    assert is_line(line)


@pytest.mark.parametrize("line", ["a\nb", "a\tb", "a\x1b[2J", "a\x9b", "a\u202eb", "a\u2067b"])
def test_a_line_with_controls_or_overrides_is_not(line: str) -> None:
    assert not is_line(line)
