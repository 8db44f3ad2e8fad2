"""The published contract: OpenAPI as the application tells it, with every code of a problem."""

from typing import Any

from fastapi import FastAPI

from api.problems import PROBLEMS
from mmo.kernel.refusals import REFUSALS

PROBLEM = "#/components/schemas/Problem"
REQUIRED = "x-required"
"""Marks a header that the contract requires, and whose absence the route itself answers."""


def publish(app: FastAPI) -> None:
    """Make the application tell the whole contract, at /openapi.json too."""
    plain = app.openapi

    def told() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(plain())
        return app.openapi_schema

    app.openapi = told


def _with_problems(told: dict[str, Any]) -> dict[str, Any]:
    schemas = told["components"].setdefault("schemas", {})
    schemas["Problem"] = _problem()
    _without_defaults(schemas)
    for operations in told["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                parameter["schema"] = _never_null(parameter["schema"])
                if parameter["schema"].pop(REQUIRED, False):
                    parameter["required"] = True
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    answer["content"] = {"application/problem+json": {"schema": {"$ref": PROBLEM}}}
                for media_type in answer.get("content", {}).values():
                    _as_of_3_1(media_type)
    return told


def _without_defaults(schemas: dict[str, Any]) -> None:
    """A member that defaults to nothing is left out; that it were null would be another thing."""
    for schema in schemas.values():
        for member in schema.get("properties", {}).values():
            if member.get("default", ...) is None:
                del member["default"]


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema: it is there as a text or left out, and never null."""
    if "anyOf" not in schema:
        return schema
    kinds = [one for one in schema["anyOf"] if one.get("type") != "null"]
    about = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    if len(kinds) == 1:
        return {**kinds[0], **about}
    return {**about, "anyOf": kinds}


def _as_of_3_1(media_type: dict[str, Any]) -> None:
    """A stream: only OpenAPI 3.2 has a word for each of its items; the schema is that of one."""
    if "itemSchema" in media_type:
        media_type["schema"] = media_type.pop("itemSchema")


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    error = dict.fromkeys(("pointer", "in", "code", "detail"), text)
    return {
        "title": "Problem",
        "description": "RFC 9457. What was sent is never repeated.",
        "type": "object",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": {"type": "string", "enum": sorted({*PROBLEMS, *REFUSALS})},
            "movement_id": {"type": "string", "format": "uuid"},
            "details": {"type": "object"},
            "errors": {"type": "array", "items": {"type": "object", "properties": error}},
        },
    }
