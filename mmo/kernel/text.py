"""Texts that people write: what one line may hold, and where a name may hold it.

Persian, Sinhala, Malayalam and others are written with joiners inside their words, and names are
held together by no-break spaces. Neither shows, so both are trimmed where they do nothing.
"""

import unicodedata

JOINERS = "\u200c\u200d"
NO_BREAK = "\u00a0\u202f"
MARKS = "\u200e\u200f\u061c"
"""Marks that lend one place a direction; those that turn what follows are refused."""
_VIRAMA = 9
_LINE = str.maketrans(dict.fromkeys(JOINERS + MARKS) | dict.fromkeys(NO_BREAK, " "))
_NAME = str.maketrans(dict.fromkeys(JOINERS) | dict.fromkeys(NO_BREAK, " "))


def is_line(text: str) -> bool:
    """Whether it is one line, without controls and without what turns the reading direction."""
    return text.translate(_LINE).isprintable()


def name_of(text: str) -> str:
    """The name, without joiners and no-break spaces but those inside words.

    Raises ValueError for what holds anything that cannot be printed, or space at its ends.
    """
    name = _trimmed(text)
    if not name or name != name.strip() or not name.translate(_NAME).isprintable():
        raise ValueError("a name is printable, without space at its ends")
    return name


def _trimmed(text: str) -> str:
    kept = ""
    for place, character in enumerate(text):
        after = text[place + 1 : place + 2]
        if character in JOINERS:
            holds = _joins(kept[-1:], after)
        elif character in NO_BREAK:
            holds = _in_word(kept[-1:]) and _in_word(after)
        else:
            holds = True
        kept += character if holds else ""
    return kept


def _joins(before: str, after: str) -> bool:
    """A joiner shapes two letters, or, after a virama, the one before it."""
    if not _letter(before):
        return False
    return _letter(after) or unicodedata.combining(before) == _VIRAMA


def _letter(character: str) -> bool:
    return bool(character) and unicodedata.category(character)[0] in "LM"


def _in_word(character: str) -> bool:
    return bool(character) and not character.isspace() and character not in JOINERS
