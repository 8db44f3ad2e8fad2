"""Errors speak of JSON: whoever sent a document never saw a tuple of ours."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import _pydantic_core

from mmo.kernel.json_words import pointer_of, words_of

OURS = re.compile(
    r"\b(tuple|dict\w*|frozen\w*|None|instance|iterable|callable|python|attribute)\b", re.IGNORECASE
)
NEVER_OF_JSON = re.compile(
    r"attribute|python|frozen_|callable|complex|subclass|json_type|value_error|assertion_error"
)
"""What only a program of ours could cause, and what has the words of whoever raises it."""


@pytest.mark.parametrize(
    "error",
    [one for one in _pydantic_core.list_all_errors() if not NEVER_OF_JSON.search(one["type"])],
    ids=lambda one: one["type"],
)
def test_no_error_of_a_validation_speaks_of_types_of_ours(error: Mapping[str, Any]) -> None:
    told = words_of({
        "type": error["type"],
        "msg": error.get("example_message_json", error["example_message_python"]),
        "ctx": error.get("example_context") or {},
    })  # fmt: skip

    assert not OURS.search(told)


class Document(BaseModel, extra="forbid"):
    roles: tuple[str, ...] = ()
    parts: dict[str, int] = {}
    two: Annotated[list[int], Field(min_length=2, max_length=3)] = [1, 2]
    yes: bool = True


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"roles": "risk"}, "a list is expected"),
        ({"roles": [1]}, "a text is expected"),
        ({"parts": []}, "an object is expected"),
        ({"two": [1]}, "at least 2 are expected"),
        ({"two": [1, 2, 3, 4]}, "at most 3 are expected"),
        ({"yes": "perhaps"}, "true or false is expected"),
        ({"rolls": []}, "there is no such member"),
    ],
)
def test_what_is_expected_is_said_as_json_has_it(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Document.model_validate(document)

    assert words_of(refused.value.errors()[0]) == words


def test_a_pointer_is_written_as_the_standard_has_it() -> None:
    assert pointer_of(["a/b", 0, "~c"]) == "/a~1b/0/~0c"
    assert pointer_of([]) == ""
