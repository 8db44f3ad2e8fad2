"""What is wrong with a JSON document, in JSON's words: whoever sent it never saw our types."""

from collections.abc import Mapping, Sequence
from typing import Any

_EXPECTED = {
    "an object": (
        "dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type",
        "dataclass_exact_type", "dict_attributes_type",
    ),
    "a list": (
        "list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type",
        "arguments_type",
    ),
    "a text": ("string_type", "string_sub_type", "bytes_type"),
    "true or false": ("bool_type", "bool_parsing"),
    "null": ("none_required",),
    "a whole number": ("int_type", "int_parsing", "int_from_float"),
    "a number": ("float_type", "float_parsing", "decimal_type", "decimal_parsing"),
    "a day such as 2026-11-24": (
        "date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact",
    ),
    "a moment with its zone, such as 2026-11-24T12:00:00Z": (
        "datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware",
        "datetime_object_invalid",
    ),
    "a UUID": ("uuid_type", "uuid_parsing", "is_instance_of"),
}  # fmt: skip
_WORDS = {kind: f"{what} is expected" for what, kinds in _EXPECTED.items() for kind in kinds}
_PREFIXES = ("Value error, ", "Assertion failed, ")
_PLAIN = {
    "missing": "this is needed",
    "extra_forbidden": "there is no such member",
    "json_invalid": "no JSON",
}


def words_of(error: Mapping[str, Any]) -> str:
    """What one error of a validation says. What was sent is not repeated."""
    kind, told = str(error["type"]), str(error["msg"])
    known = _PLAIN.get(kind) or _WORDS.get(kind)
    if known:
        return known
    about = error.get("ctx", {})
    if kind == "too_short":
        return f"at least {about['min_length']} are expected"
    if kind == "too_long":
        return f"at most {about['max_length']} are expected"
    for prefix in _PREFIXES:
        told = told.removeprefix(prefix)
    return told


def pointer_of(place: Sequence[int | str]) -> str:
    """A place in a document as RFC 6901 writes it."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in place)
    return "".join(f"/{part}" for part in parts)
