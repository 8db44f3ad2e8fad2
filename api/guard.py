"""The guard at the edge: a body is small, is JSON, and means one thing only, before it is read."""

import json
from typing import Any, NoReturn

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

BODY_MAX = 64 * 1024
HEADERS_MAX = 16 * 1024
FIELDS_MAX = 100
URI_MAX = 8 * 1024
DEPTH_MAX = 32
DIGITS_MAX = 18

_BODILESS = {"GET", "HEAD", "DELETE", "OPTIONS"}
_log = structlog.get_logger()


class Guard:
    """Pure ASGI: refuses what no route may see, and turns an unforeseen error into a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            _check_head(scope)
            if scope["method"] not in _BODILESS:
                receive = await _checked_body(scope, receive)
            await self._app(scope, receive, noting)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last place where it can become an answer
            _log.exception("api.error", path=scope["path"], error=type(error).__name__)
            if not begun:
                await Problem("internal").response()(scope, receive, send)


def _check_head(scope: Scope) -> None:
    headers = scope["headers"]
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > URI_MAX:
        raise Problem("uri_too_long")
    if len(headers) > FIELDS_MAX or sum(len(k) + len(v) for k, v in headers) > HEADERS_MAX:
        raise Problem("headers_too_large")
    if sum(name == b"authorization" for name, _ in headers) > 1:
        raise Problem("bad_request", "more than one Authorization header")


async def _checked_body(scope: Scope, receive: Receive) -> Receive:
    headers = scope["headers"]
    lengths = [value for name, value in headers if name == b"content-length"]
    if lengths and not (len(lengths) == 1 and lengths[0].isdigit()):
        raise Problem("bad_request", "the content length is not one number")
    if lengths and (len(lengths[0]) > DIGITS_MAX or int(lengths[0]) > BODY_MAX):
        raise Problem("body_too_large")
    body = await _read(receive)
    if body or not lengths or lengths[0] != b"0":
        _check_type(headers, empty=not body)
    if body:
        strict_loads(body)
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("bad_request", "the caller hung up")
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            raise Problem("body_too_large")
        if not message.get("more_body"):
            return bytes(body)


def _check_type(headers: list[tuple[bytes, bytes]], *, empty: bool) -> None:
    types = [value for name, value in headers if name == b"content-type"]
    if any(name == b"content-encoding" for name, _ in headers):
        raise Problem("unsupported_media_type")
    if empty and not types:
        return
    kind, _, parameters = types[0].partition(b";") if len(types) == 1 else (b"", b"", b"")
    charset = parameters.strip().lower()
    if kind.strip().lower() != b"application/json" or charset not in {b"", b"charset=utf-8"}:
        raise Problem("unsupported_media_type")


def strict_loads(body: bytes) -> Any:
    """Read JSON that means one thing only. Raises Problem."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Problem("invalid_utf8") from None
    if text.startswith("\ufeff"):
        raise Problem("byte_order_mark")
    if _depth(text) > DEPTH_MAX:
        raise Problem("too_deep")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except (ValueError, RecursionError):
        raise Problem("invalid_json") from None
    _check_texts(value)
    return value


def _depth(text: str) -> int:
    """A cheap bound on the nesting: brackets inside texts count too, which only refuses more."""
    deepest = depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Problem("duplicate_key")
    return members


def _constant(_: str) -> NoReturn:
    raise Problem("non_finite_number")


def _float(_: str) -> NoReturn:
    raise Problem("float_not_allowed")


def _int(written: str) -> int:
    if len(written) > DIGITS_MAX:
        raise Problem("integer_too_large")
    return int(written)


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if any((ord(c) < 32 and c not in "\n\t\r") or "\ud800" <= c <= "\udfff" for c in value):  # noqa: PLR2004
            raise Problem("invalid_character")
    elif isinstance(value, dict):
        for name, member in value.items():  # pyright: ignore[reportUnknownVariableType]
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for member in value:  # pyright: ignore[reportUnknownVariableType]
            _check_texts(member)
