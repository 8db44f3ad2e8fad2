"""Documents: what they are, their kinds, and whether a body fits its kind. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import jsonschema_rs
import orjson
from pydantic import BaseModel, ConfigDict

BODY_MAX = 32 * 1024
SCHEMA_MAX = 16 * 1024
INDEXES_MAX = 8
VALUE_MAX = 200
"""Longest text that an index finds, in characters."""
ERRORS_MAX = 8
_SCHEMAS_MAX = 256


class DocumentError(ValueError):
    """What was written is no document of its kind: each with a JSON pointer, and what is wrong."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{pointer or '/'}: {what}" for pointer, what in errors))
        self.errors = errors


class _Told(BaseModel):
    """What happened, without the body: that stays in the store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    subject: str | None


class DocumentCreated(_Told):
    """A document came into being; a row of a data table, where its kind is one."""


class DocumentChanged(_Told):
    """A document has a new version."""


class DocumentRemoved(_Told):
    """A document is no longer there; its versions are kept."""


EVENTS: dict[str, type[_Told]] = {
    "mmo.document.created.v1": DocumentCreated,
    "mmo.document.changed.v1": DocumentChanged,
    "mmo.document.removed.v1": DocumentRemoved,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of document. A data table is one whose documents are rows about a subject."""

    name: str
    title: str
    is_table: bool
    json_schema: Mapping[str, Any] | None
    indexes: tuple[str, ...]
    """JSON pointers of the fields that lists filter by."""
    version: int
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKind:
    """What a kind is to be."""

    name: str
    title: str
    is_table: bool
    json_schema: Mapping[str, Any] | None
    indexes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as it stands."""

    id: UUID
    kind: str
    subject: str | None
    """What it is about: `wallet/<id>`."""
    body: Mapping[str, Any]
    version: int
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A document as it once was. `body` is None where it was removed then."""

    number: int
    body: Mapping[str, Any] | None
    changed_by: str
    changed_at: datetime


def check_schema(schema: Mapping[str, Any] | None) -> None:
    """Whether it is a JSON Schema that stands by itself, and whose formats are known.

    Raises DocumentError.
    """
    if schema is None:
        return
    written = _json(schema)
    if len(written) > SCHEMA_MAX:
        raise DocumentError(("", f"a schema has at most {SCHEMA_MAX} bytes"))
    try:
        _validator(written, strict=True)
    except ValueError as error:
        raise DocumentError(("", f"this is no JSON Schema: {_first_line(error)}")) from None


def closed_fields(schema: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """The members of a document where its schema names them all; else None."""
    closed = schema is not None and (
        schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False
    )
    composed = schema is not None and {"patternProperties", "$ref", "allOf", "anyOf"} & set(schema)
    return tuple(schema.get("properties", ())) if schema and closed and not composed else None


def check(kind: Kind, subject: str | None, body: Mapping[str, Any]) -> None:
    """Whether a document fits its kind. Raises DocumentError, with every place that does not."""
    if kind.is_table and subject is None:
        raise DocumentError(("/subject", "a row of a data table is about something: wallet/<id>"))
    if len(_json(body)) > BODY_MAX:
        raise DocumentError(("/body", f"a body has at most {BODY_MAX} bytes"))
    if kind.json_schema is None:
        return
    wrong = list[tuple[str, str]]()
    for error in _validator(_json(kind.json_schema)).iter_errors(dict(body)):
        place = "".join(f"/{part}" for part in error.instance_path)
        wrong.append((f"/body{place}", _first_line(error.message)))
        if len(wrong) == ERRORS_MAX:
            break
    if wrong:
        raise DocumentError(*wrong)


@lru_cache(maxsize=_SCHEMAS_MAX)
def _validator(schema: bytes, *, strict: bool = False) -> Any:
    """A compiled schema: it fetches nothing, takes linear time, and tells no value it was given.

    A format that it names is asserted. Without `strict` an unknown one is passed over: kinds that
    were defined before formats were looked at still have documents.
    """
    return jsonschema_rs.validator_for(
        orjson.loads(schema),
        offline=True,
        validate_formats=True,
        ignore_unknown_formats=not strict,
        pattern_options=jsonschema_rs.RegexOptions(),
        mask="the value",
    )


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _first_line(told: object) -> str:
    return str(told).partition("\n")[0][:200]
