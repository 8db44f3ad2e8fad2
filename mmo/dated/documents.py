"""Documents of terms: amounts in them, and what is wrong with one, by JSON pointer."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, LiteralString, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from mmo.kernel.money import AmountError, Money, digits_of
from mmo.kernel.spelling import nearest

ERRORS_MAX = 20
_SHOWN_MAX = 40
_CURRENCY = "currency"
"""The validation context's member that says what currency amounts are in."""


class WrongDocumentError(ValueError):
    """A document is not what it should be. `errors`: JSON pointers, each with a sentence."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{pointer}: {what}" for pointer, what in errors))
        self.errors = errors


class Part(BaseModel):
    """A part of a document: immutable, and without members that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Part)


def read_as(model: type[P], document: Any) -> P:
    """Check a document (JSON) that says its currency, and hold it in minor units.

    Raises WrongDocumentError.
    """
    if not isinstance(document, Mapping):
        raise WrongDocumentError(("", "it is an object"))
    currency = cast("Mapping[str, Any]", document).get("currency")
    try:
        digits_of(currency if isinstance(currency, str) else "")
    except AmountError:
        raise WrongDocumentError(("/currency", "say a currency of ISO 4217, such as KES")) from None
    try:
        return model.model_validate(document, context={_CURRENCY: currency})
    except ValidationError as error:
        raise WrongDocumentError(*_errors_of(error, document)) from None


def _minor(written: object, info: ValidationInfo) -> int:
    if not isinstance(written, str):
        raise wrong("amount", 'an amount is a decimal as text, such as "25.00"')
    try:
        return Money.parse(written, info.context[_CURRENCY] if info.context else "").minor
    except AmountError as error:
        raise wrong("amount", str(error)) from None


_AMOUNT_SCHEMA = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,4})?$"}
Amount = Annotated[int, BeforeValidator(_minor), WithJsonSchema(_AMOUNT_SCHEMA)]
"""Minor units; on the wire a decimal in the document's currency."""


def wrong(kind: LiteralString, sentence: str, at: str = "") -> PydanticCustomError:
    """What is wrong with a part of a document; `at`: the JSON pointer within that part."""
    return PydanticCustomError(kind, "{sentence}", {"sentence": sentence, "at": at})


def unknown(what: str, name: object, known: Sequence[str]) -> str:
    """That there is nothing of that name, and what would do instead."""
    shown = str(name)[:_SHOWN_MAX]
    return f"there is no {what} {shown}; {nearest(shown, known)}"


def _errors_of(error: ValidationError, document: Any) -> tuple[tuple[str, str], ...]:
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
