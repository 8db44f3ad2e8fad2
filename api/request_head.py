"""The head of a request, checked before anything reads it: its size, its texts, its token."""

import re

from starlette.types import Scope

from api.problems import Problem

HEADERS_MAX = 16 * 1024
FIELDS_MAX = 100
URI_MAX = 8 * 1024

_NUL = re.compile(rb"\x00|%00")
_NUL_OCTAL = re.compile(rb"\\000")
"""How a quoted cookie spells it."""


def check_head(scope: Scope) -> None:
    """Refuse a head that is too large, holds a NUL however spelt, or has two tokens.

    No text that PostgreSQL keeps may hold a NUL: what holds one names nothing. Raises Problem.
    """
    headers, path = scope["headers"], scope.get("raw_path") or b""
    if len(path) + len(scope["query_string"]) > URI_MAX:
        raise Problem("uri_too_long")
    if len(headers) > FIELDS_MAX or sum(len(k) + len(v) for k, v in headers) > HEADERS_MAX:
        raise Problem("headers_too_large")
    if _NUL.search(path) or "\0" in scope["path"] or _NUL.search(scope["query_string"]):
        raise Problem("invalid_character")
    if any(b"\0" in value for _, value in headers):
        raise Problem("invalid_character")
    if any(name == b"cookie" and _NUL_OCTAL.search(value) for name, value in headers):
        raise Problem("invalid_character")
    if sum(name == b"authorization" for name, _ in headers) > 1:
        raise Problem("bad_request", "more than one Authorization header")


def bearer_token(scope: Scope) -> str:
    """The bearer token. Raises Problem invalid_token where there is none."""
    sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, token = sent.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("invalid_token")
    return token
