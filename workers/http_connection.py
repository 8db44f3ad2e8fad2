"""One HTTP connection, bounded: a request may take only so many bytes and seconds to arrive."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX = 16 * 1024
"""Bytes of a request line and its headers, and of what else is no body: chunk sizes, trailers."""
HEAD_S = 10.0
"""Seconds in which a head arrives whole."""
BODY_S = 10.0
BODY_BYTES_PER_S = 2 * 1024
"""A body has ten seconds, and one more for each two KiB that have come."""
CHUNK_COST_MAX = 8
"""Bytes that a chunked body may spend on each byte that it carries."""
LINGER_S = 2.0
"""How long the rest of a body is thrown away once it was answered, so that the answer arrives."""
CONNECTIONS_MAX = 4096
ARRIVING_MAX = 512
"""Requests of which a part is here. Those of honest callers take milliseconds: the oldest goes."""
PIPELINE_MAX = 16

_ANSWERS = {
    400: ("Bad Request", "too many requests were sent ahead"),
    408: ("Request Timeout", "the request took too long to arrive"),
    431: ("Request Header Fields Too Large", "the headers have at most 16 KiB"),
    503: ("Service Unavailable", "too many connections; try again shortly"),
}


class BoundedConnection(HttpToolsProtocol):
    """The server's own connection within bounds; whatever goes past one is hung up on.

    What arrives whole in one read costs no timer.
    """

    arriving: ClassVar[OrderedDict["BoundedConnection", None]] = OrderedDict()
    """The connections of this process on which a part of a request is here, oldest first."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = self._in_body = False
        self._body = self._beside_body = 0
        self._body_since = 0.0
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Expect a request at once, where there is room for one more connection."""
        super().connection_made(transport)
        self._schedule(HEAD_S, self._late)
        if len(self.connections) > CONNECTIONS_MAX:
            self.refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the bounds with the connection."""
        self._settle()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what is no body: the parser keeps all of it until it is whole."""
        if self.transport.is_closing():
            return
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > HEAD_MAX + CHUNK_COST_MAX * self._body:
            self.refuse(431)
        if self._due is None and not self.transport.is_closing():
            self._expect_the_rest()

    def on_message_begin(self) -> None:
        """Another head begins."""
        self._settle()
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole; a body may follow."""
        self._settle()
        self._in_head, self._in_body = False, True
        self._body = self._beside_body = 0
        self._body_since = self.loop.time()
        if len(self.pipeline) >= PIPELINE_MAX:
            self.refuse(400)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body is here."""
        self._body += len(body)
        self._beside_body = max(0, self._beside_body - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._settle()
        self._in_body, self._beside_body = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait no longer than a moment for a body that was answered before it was whole."""
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._settle()
            self._schedule(LINGER_S, self.transport.close)

    def _expect_the_rest(self) -> None:
        if self._in_head or self._in_body:
            self._schedule(BODY_S if self._in_body else HEAD_S, self._late)
            self.arriving[self] = None
            if len(self.arriving) > ARRIVING_MAX:
                next(iter(self.arriving)).refuse(408)
        elif not self._running() and self.timeout_keep_alive_task is None:
            self._schedule(HEAD_S, self._late)  # empty lines begin no request

    def _late(self) -> None:
        """The time is over, but for a body that comes fast enough or that is not read yet."""
        now = self.loop.time()
        ends = self._body_since + BODY_S + self._body / BODY_BYTES_PER_S
        if self._in_body and self.flow.read_paused:
            self._body_since += BODY_S
            self._schedule(BODY_S, self._late)
        elif self._in_body and now < ends:
            self._schedule(ends - now, self._late)
        else:
            self.refuse(408)

    def _schedule(self, seconds: float, then: Callable[[], None]) -> None:
        self._due = self.loop.call_later(seconds, then)

    def _settle(self) -> None:
        """Expect nothing any more."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
            self.arriving.pop(self, None)

    def refuse(self, status: int) -> None:
        """Say why, where no other answer is under way, and hang up."""
        self._settle()
        if self.transport.is_closing():
            return
        running = self._running()
        if not running or (self._in_body and not self.pipeline and not self.cycle.response_started):
            phrase, text = _ANSWERS[status]
            self.transport.write(
                f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
                f"content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}".encode()
            )
        if running:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _running(self) -> bool:
        """Whether a request is being answered. Before the first one there is no cycle."""
        return bool(self.cycle) and not self.cycle.response_complete
