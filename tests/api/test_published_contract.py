"""The published contract is one that a generator of clients can rely on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.app import create_routes
from mmo.movements.support.catalogue import description_of, movements

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return yaml.safe_load((DOCS / "openapi.yaml").read_text())


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def takes_null(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", [])
    return "null" in (kinds if isinstance(kinds, list) else [kinds]) or any(
        takes_null(one) for key in ("anyOf", "oneOf") for one in schema.get(key, ())
    )


def test_the_contract_is_valid_openapi_3_1(contract: dict[str, Any]) -> None:
    assert contract["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(contract).iter_errors()] == []


def test_every_operation_says_what_it_does(contract: dict[str, Any]) -> None:
    silent = [name for name, one in operations(contract) if not one.get("description", "").strip()]

    assert silent == []


def test_every_movement_says_in_a_sentence_what_it_is() -> None:
    for movement in movements().values():
        assert description_of(movement).endswith("."), movement.name
        assert len(description_of(movement)) > 20, movement.name


def test_no_parameter_is_ever_null(contract: dict[str, Any]) -> None:
    nullable = [
        f"{name} {parameter['in']} {parameter['name']}"
        for name, one in operations(contract)
        for parameter in one.get("parameters", [])
        if takes_null(parameter["schema"]) or parameter["schema"].get("default", 0) is None
    ]

    assert nullable == []


def test_a_member_that_defaults_to_nothing_is_left_out_of_an_answer_or_may_be_null(
    contract: dict[str, Any],
) -> None:
    for name, schema in contract["components"]["schemas"].items():
        for member, told in schema.get("properties", {}).items():
            assert told.get("default", 0) is not None, f"{name}.{member}"


def test_the_application_tells_what_is_checked_in(contract: dict[str, Any]) -> None:
    assert create_routes().openapi() == contract
