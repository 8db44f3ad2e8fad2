"""Suspensions: a type of movement that the operator does not carry out for a while."""

from typing import Annotated, Any

from pydantic import Field

from mmo.dated.documents import Part, read_as

KIND = "suspension"
"""What suspensions are called among dated terms."""


class Suspension(Part):
    """Why movements of one type and currency are refused."""

    currency: str
    reason: Annotated[str, Field(min_length=1, max_length=200)]


def read(document: Any) -> Suspension:
    """Check a document (JSON). Raises WrongDocumentError."""
    return read_as(Suspension, document)
