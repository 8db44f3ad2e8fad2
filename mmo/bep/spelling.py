"""How settings are spelled in documents: camelCase, and the nearest name for a wrong one."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from mmo.bep.processor import Metadata

_NAMED_MAX = 5


class Settings(Metadata):
    """Metadata, or a part of it: `blockedForFlags` in documents is `blocked_for_flags` in code."""

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)


def nearest(wrong: str, known: Iterable[str]) -> str:
    """What would do instead of a wrong name, for the end of a sentence."""
    names = sorted(known)
    if not names:
        return "there is none yet"
    close = get_close_matches(wrong, names, 1, 0.3)
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(names[:_NAMED_MAX])}"
