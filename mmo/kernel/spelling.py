"""The nearest name for a wrong one, so that an error says what would do."""

from collections.abc import Iterable
from difflib import get_close_matches

_NAMED_MAX = 5


def nearest(wrong: str, known: Iterable[str]) -> str:
    """What would do instead of a wrong name, for the end of a sentence."""
    names = sorted(known)
    if not names:
        return "there is none yet"
    close = get_close_matches(wrong, names, 1, 0.3)
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(names[:_NAMED_MAX])}"
