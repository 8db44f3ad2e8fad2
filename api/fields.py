"""Values that many requests carry, each checked in one way."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from api.problems import Problem
from mmo.kernel.text import is_line, name_of

AGE_MAX = 130


def _e164(written: str) -> str:
    try:
        number = phonenumbers.parse(written)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise PydanticCustomError("msisdn_invalid", "no telephone number in E.164: +254700000001")
    return written


def _name(written: str) -> str:
    try:
        return name_of(written)
    except ValueError as error:
        raise PydanticCustomError("name_invalid", "{why}", {"why": str(error)}) from None


def _line(written: str) -> str:
    if not is_line(written):
        raise PydanticCustomError(
            "text_invalid", "a text is one line, without what cannot be printed"
        )
    return written


Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_name)]
"""In any script, as its owner writes it."""
Line = AfterValidator(_line)
Why = Annotated[str, Field(min_length=5, max_length=200), Line]


def _birth(written: date) -> date:
    """A day on which somebody who lives was born; today has begun somewhere else before here."""
    today = datetime.now(UTC).date() + timedelta(days=1)
    if not today.year - AGE_MAX <= written.year or written > today:
        raise PydanticCustomError("birth_date_implausible", "nobody who lives was born on that day")
    return written


BirthDate = Annotated[date, AfterValidator(_birth)]
Msisdn = Annotated[
    str,
    Field(pattern=r"^\+[1-9][0-9]{6,14}$", examples=["+254700000001"]),
    AfterValidator(_e164),
]


def identifier(text: str) -> UUID:
    """The id in a path. Raises Problem not_found for what is no canonical UUID."""
    try:
        parsed = UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text:
        raise Problem("not_found")
    return parsed
