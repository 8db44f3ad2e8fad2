"""A document fits its kind, or every place where it does not is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mmo.documents.document import DocumentError, Kind, check, check_schema

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"minimum": 18}},
    "required": ["name"],
}


def kind(schema: dict[str, Any] | None = None, *, table: bool = False) -> Kind:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return Kind(
        name="person",
        title="Person",
        is_table=table,
        json_schema=schema,
        indexes=(),
        version=1,
        changed_by="amina",
        changed_at=at,
    )


@pytest.mark.parametrize("body", [{}, {"any": ["shape", {"at": "all"}]}])
def test_without_a_schema_any_shape_fits(body: dict[str, Any]) -> None:
    check(kind(), None, body)


def test_every_place_that_does_not_fit_is_told_without_what_was_sent() -> None:
    with pytest.raises(DocumentError) as told:
        check(kind(PERSON), None, {"name": "a secret", "age": 7})

    assert sorted(pointer for pointer, _ in told.value.errors) == ["/body/age", "/body/name"]
    assert "secret" not in str(told.value)


def test_a_row_of_a_table_is_about_something() -> None:
    check(kind(table=True), "wallet/1", {})
    with pytest.raises(DocumentError, match="about something"):
        check(kind(table=True), None, {})


def test_a_body_has_a_largest_size() -> None:
    check(kind(), None, {"note": "x" * 32_000})
    with pytest.raises(DocumentError, match="at most 32768 bytes"):
        check(kind(), None, {"note": "x" * 33_000})


SCHEMAS: list[dict[str, Any]] = [
    {"type": "strin"},
    {"pattern": "("},
    {"pattern": "(?=a)"},
    {"$ref": "#/nowhere"},
    {"$ref": "https://example.com/schema.json"},
    {"$ref": "file:///etc/passwd"},
    {"description": "x" * 17_000},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_schema_that_does_not_stand_by_itself_is_turned_away(schema: dict[str, Any]) -> None:
    with pytest.raises(DocumentError):
        check_schema(schema)


@pytest.mark.parametrize(
    ("named", "fits", "does_not"),
    [
        ("date", "2028-02-29", "2026-02-30"),
        ("date-time", "2026-11-24T12:00:00+03:00", "2026-11-24 12:00"),
        ("email", "amina@example.com", "amina"),
        ("uuid", "01a20d90-aad9-74da-86e7-000000000001", "01a20d90"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("uri", "https://example.com/", "no address"),
    ],
)
@pytest.mark.parametrize("draft", ["2020-12", "2019-09"])
def test_a_format_that_a_schema_names_is_asserted(
    named: str, fits: str, does_not: str, draft: str
) -> None:
    schema = {
        "$schema": f"https://json-schema.org/draft/{draft}/schema",
        "properties": {"it": {"format": named}},
    }
    check_schema(schema)

    check(kind(schema), None, {"it": fits})
    with pytest.raises(DocumentError):
        check(kind(schema), None, {"it": does_not})


@pytest.mark.parametrize(
    "schema",
    [{"format": "msisdn"}, {"properties": {"it": {"items": {"format": "Date"}}}}],
)
def test_a_format_that_is_not_known_is_refused_and_does_not_break_older_kinds(
    schema: dict[str, Any],
) -> None:
    with pytest.raises(DocumentError, match="format"):
        check_schema(schema)

    check(kind(schema), None, {"it": ["whatever"]})
