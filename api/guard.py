"""The guard at the edge: a body is small, is JSON, and means one thing only, before it is read."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem
from api.request_head import bearer_token, check_head
from mmo.parties.document import SIZE_MAX

BODY_MAX = 64 * 1024
UPLOAD_MAX = SIZE_MAX
DEPTH_MAX = 32
DIGITS_MAX = 18

_UNREADABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
"""Controls but tab and ends of lines, what turns the direction of a text, halves of surrogates."""

Authenticate = Callable[[str], Awaitable[object]]
"""Who the bearer of a token is. Raises Problem."""
_BODILESS = {"GET", "HEAD", "DELETE", "OPTIONS"}
_log = structlog.get_logger()


class Guard:
    """Pure ASGI: refuses what no route may see, and turns an unforeseen error into a problem."""

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Authenticate | None = None,
        uploads: re.Pattern[str] | None = None,
    ) -> None:
        """Guard the application; `uploads`: addresses that read their bodies themselves."""
        self._app = app
        self._authenticate = authenticate
        self._uploads = uploads

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
            check_head(scope)
            if scope["method"] not in _BODILESS:
                receive = await self._checked_body(scope, receive)
            await self._app(scope, receive, noting)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last place where it can become an answer
            _log.exception("api.error", path=scope["path"], error=type(error).__name__)
            if not begun:
                await Problem("internal").response()(scope, receive, send)

    async def _checked_body(self, scope: Scope, receive: Receive) -> Receive:
        """Read the body of a caller who is known: nobody else has it read."""
        upload = self._uploads is not None and bool(self._uploads.fullmatch(scope["path"]))
        announced = _announced(scope["headers"], UPLOAD_MAX if upload else BODY_MAX)
        if announced and self._authenticate is not None:
            caller = await self._authenticate(bearer_token(scope))
            scope.setdefault("state", {})["caller"] = caller
        if upload:
            return receive
        body = await _read(receive)
        if body or announced is not False:
            _check_type(scope["headers"], empty=not body)
        if body:
            strict_loads(body)
        return _replayed(body, receive)


def _announced(headers: list[tuple[bytes, bytes]], most: int) -> bool | None:
    """Whether a body follows; None where none is told of. Raises Problem where it is too large."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if not lengths:
        return True if any(name == b"transfer-encoding" for name, _ in headers) else None
    if not (len(lengths) == 1 and lengths[0].isdigit()):
        raise Problem("bad_request", "the content length is not one number")
    if len(lengths[0]) > DIGITS_MAX or int(lengths[0]) > most:
        raise Problem("body_too_large" if most == BODY_MAX else "document_too_large")
    return int(lengths[0]) > 0


def _replayed(body: bytes, receive: Receive) -> Receive:
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
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError:
        raise Problem("too_deep") from None
    except ValueError:
        raise Problem("invalid_json") from None
    _check(value)
    return value


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


def _check(value: Any, depth: int = 1) -> None:
    """Look at every text, and at how deep lists and objects nest."""
    if isinstance(value, str):
        if _UNREADABLE.search(value):
            raise Problem("invalid_character")
        return
    if not isinstance(value, dict | list):
        return
    if depth > DEPTH_MAX:
        raise Problem("too_deep")
    if isinstance(value, dict):
        for name in value:  # pyright: ignore[reportUnknownVariableType]
            _check(name)
    for member in value.values() if isinstance(value, dict) else value:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        _check(member, depth + 1)
