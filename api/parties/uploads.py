"""Files that come in pieces: looked at as they pass, and never held whole."""

import re
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.problems import Problem
from mmo.parties.document import HEAD_MAX, MEDIA_TYPES, SIZE_MAX, media_type_of

UPLOADS = re.compile(r"/v1/parties/[^/]+/documents")
"""Addresses whose bodies are files: the guard does not read them."""
UNTYPED = "application/octet-stream"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file, 16 MiB at most; its type is known by its content.",
        "content": {name: {"schema": {}} for name in (*MEDIA_TYPES, UNTYPED)},
    }
}


class Upload:
    """The file of a request, read once; `media_type` is known as soon as its first bytes are."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.media_type = ""
        if self._said not in {*MEDIA_TYPES, UNTYPED} or "content-encoding" in request.headers:
            raise Problem("unsupported_media_type", "send the file as it is, under its media type")

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file. Raises Problem document_too_large, document_media_type or bad_request."""
        held, size = b"", 0
        async for piece in self._stream():
            size += len(piece)
            if size > SIZE_MAX:
                raise Problem("document_too_large")
            held += piece
            if self.media_type or len(held) >= HEAD_MAX:
                self._look_at(held)
                yield held
                held = b""
        self._look_at(held)
        yield held

    def _look_at(self, head: bytes) -> None:
        """Know the type by the first bytes, unless it is known."""
        if self.media_type:
            return
        found = media_type_of(head)
        if found is None or self._said not in {found, UNTYPED}:
            raise Problem("document_media_type")
        self.media_type = found

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._request.stream():
                yield piece
        except ClientDisconnect:
            raise Problem("bad_request", "the caller hung up") from None
