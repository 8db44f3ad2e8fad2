"""Holds answers against the published contract: status, kind of content, and schema."""

import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from api.app import create_routes

ANYWHERE = {400, 401, 404, 405, 413, 414, 415, 422, 431}
"""Problems that the guard or the router may answer with on any route."""


@cache
def contract() -> dict[str, Any]:
    return create_routes().openapi()


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    """Each path of the contract as a pattern, those without parameters first."""
    paths = sorted(contract()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]


@cache
def _validator(reference: str) -> Draft202012Validator:
    schema = {"$ref": reference, "components": contract()["components"]}
    return Draft202012Validator(schema, format_checker=FormatChecker())


def conforms(answer: httpx.Response) -> None:
    """Raise AssertionError where the answer is not one that the contract tells."""
    where, method = answer.request.url.path, answer.request.method.lower()
    path = next((path for pattern, path in _routes() if pattern.fullmatch(where)), None)
    operation = contract()["paths"].get(path, {}).get(method)
    told = (operation or {}).get("responses", {}).get(str(answer.status_code))
    if told is None:
        assert answer.status_code in ANYWHERE, f"{method} {where}: undocumented {answer!r}"
        told = {"content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}}}
    if answer.status_code == 204:
        assert not answer.content
        return
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in told["content"], f"{method} {where}: {kind} is not in the contract"
    reference = told["content"][kind].get("schema", {}).get("$ref")
    if reference is not None:
        errors = [error.message for error in _validator(reference).iter_errors(answer.json())]
        assert not errors, f"{method} {where}: {errors}"


_PROBLEM = "#/components/schemas/Problem"
