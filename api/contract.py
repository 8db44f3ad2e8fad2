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
    told["components"].setdefault("schemas", {})["Problem"] = _problem()
    for operations in told["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["schema"].pop(REQUIRED, False):
                    parameter["required"] = True
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    answer["content"] = {"application/problem+json": {"schema": {"$ref": PROBLEM}}}
    return told


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
