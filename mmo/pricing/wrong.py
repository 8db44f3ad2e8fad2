"""What is wrong with a document, told as JSON pointers with sentences that repeat little of it."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from mmo.kernel.spelling import nearest

ERRORS_MAX = 20
_SHOWN_MAX = 40


def wrong(kind: LiteralString, sentence: str, at: str = "") -> PydanticCustomError:
    """What is wrong with a part of a document; `at`: the JSON pointer within that part."""
    return PydanticCustomError(kind, "{sentence}", {"sentence": sentence, "at": at})


def unknown(what: str, name: object, known: Sequence[str]) -> str:
    """That there is nothing of that name, and what would do instead."""
    shown = str(name)[:_SHOWN_MAX]
    return f"there is no {what} {shown}; {nearest(shown, known)}"


def errors_of(error: ValidationError, document: Any) -> tuple[tuple[str, str], ...]:
    """Pointers and sentences, the first twenty."""
    listed = error.errors(include_url=False)[:ERRORS_MAX]
    return tuple((_pointer(document, one), _sentence(one)) for one in listed)


def _sentence(error: ErrorDetails) -> str:
    told = error.get("ctx", {})
    match error["type"]:
        case "union_tag_invalid":
            known = told["expected_tags"].replace("'", "").split(", ")
            return unknown("kind", told["tag"], known)
        case "extra_forbidden":
            return "there is a member that nobody knows"
        case _:
            return error["msg"]


def _pointer(document: Any, error: ErrorDetails) -> str:
    """The place; pydantic's own names kinds of schedules, too, and unknown members."""
    told = ""
    here = document
    path = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    for part in path:
        if isinstance(here, Mapping) and _is_kind(cast("Mapping[Any, Any]", here), part):
            continue
        told += f"/{part}"
        try:
            here = cast("Any", here)[part]
        except (KeyError, IndexError, TypeError):
            here = None
    return told + error.get("ctx", {}).get("at", "")


def _is_kind(here: Mapping[Any, Any], part: str | int) -> bool:
    return part not in here and here.get("kind") == part
