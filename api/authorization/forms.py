"""Bodies of the token endpoint: a form in which every name stands once."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from api.authorization.errors import OAuthError

BODY_MAX = 16 * 1024
FIELDS_MAX = 40


async def form(request: Request) -> Mapping[str, str]:
    """Read the form. Raises OAuthError invalid_request."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "send application/x-www-form-urlencoded")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_MAX:
            raise OAuthError("invalid_request", "the body is too large", status=413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX,
                          strict_parsing=bool(body), errors="strict")  # fmt: skip
    except ValueError:
        raise OAuthError("invalid_request", "the form cannot be read") from None
    read = dict(pairs)
    if len(read) != len(pairs):
        raise OAuthError("invalid_request", "a parameter stands twice")
    if any("\x00" in value for value in read.values()):
        raise OAuthError("invalid_request", "a parameter holds a NUL")
    return read


Form = Annotated[Mapping[str, str], Depends(form)]


def needed(fields: Mapping[str, str], name: str) -> str:
    """A parameter that must be there. Raises OAuthError invalid_request."""
    if not fields.get(name):
        raise OAuthError("invalid_request", f"{name} is missing")
    return fields[name]
